/** Builds the program of kernel tests or the emulated addon where it is not up to date. Returns its path. */
export function buildEmulator(what: 'tests' | 'addon' | 'training'): string
