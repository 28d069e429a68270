import type { Target } from './targets.mjs'

/** `addon`: the file to publish. Returns the folder, packages/<name> by default. */
export function writePackage(target: Target, addon: string, folder?: string): string
