/** What a mistyped word was probably meant to be. */

/** The candidate that takes the fewest changes of a letter to reach; undefined where each takes more than a third of it. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { candidate: string; changes: number } | undefined
  for (const candidate of candidates) {
    const changes = editDistance(word, candidate)
    if (changes <= Math.max(word.length, candidate.length) / 3 && !(changes >= (best?.changes ?? Infinity))) {
      best = { candidate, changes }
    }
  }
  return best?.candidate
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    const [above, twoAbove] = [rows[i - 1]!, rows[i - 2]]
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + Number(a[i - 1] !== b[j - 1])
      const swapped = twoAbove && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? twoAbove[j - 2]! + 1 : Infinity
      row.push(Math.min(above[j]! + 1, row[j - 1]! + 1, replaced, swapped))
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}
