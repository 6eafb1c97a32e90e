/**
 * The legal word nearest to what was written, if one is near enough to be meant: at most two slips (a letter added,
 * lost, changed, or two neighbours swapped), and never more than a third of the word. Case and `_ - .` count nothing.
 */
export function suggest(written: string, legal: Iterable<string>): string | undefined {
  const word = plain(written)
  let best: string | undefined
  let bestDistance = Math.min(2, Math.max(1, Math.floor(word.length / 3))) + 1
  for (const candidate of legal) {
    if (Math.abs(candidate.length - written.length) > 4) continue
    const distance = slips(word, plain(candidate), bestDistance)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

const plain = (word: string) => word.toLowerCase().replace(/[_\-.\s]/g, '')

/** Damerau-Levenshtein distance (optimal string alignment), given up as soon as it reaches `enough`. */
function slips(a: string, b: string, enough: number): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let cost = Math.min(above[column]! + 1, current[column - 1]! + 1, above[column - 1]! + (same ? 0 : 1))
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (swapped) cost = Math.min(cost, before[column - 2]! + 1)
      current.push(cost)
    }
    if (Math.min(...current) >= enough) return enough
    before = above
    above = current
  }
  return above[b.length]!
}
