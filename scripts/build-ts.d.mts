export function tsIsStale(): boolean
export function buildTs(): Promise<void>
