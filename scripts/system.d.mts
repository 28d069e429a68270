export function installCommand(
  missing: readonly string[],
  system?: { os?: string; release?: string },
): string | undefined
export function missingSystemPackages(): string[]
export function findNvcc(): string | undefined
