/** Packs dist as it is, so it has to be built before. Returns the folder, packages/facenet-native by default. */
export function writeMainPackage(folder?: string): string
