/** Numbers for a text: nine significant digits are the fewest that give every float32 back exactly. */
export const exactNumbers = (row: Float32Array): number[] => Array.from(row, (value) => Number(value.toPrecision(9)))
