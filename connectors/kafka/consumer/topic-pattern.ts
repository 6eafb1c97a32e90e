/** Whether a name of `topics` is a pattern; the characters are none of a topic's name. */
export const isPattern = (text: string): boolean => text.includes('*') || text.includes('?')

/** Whether a topic fits a pattern: `*` is any text, `?` one character. Takes at most their lengths multiplied. */
export function fits(pattern: string, topic: string): boolean {
  let at = 0
  let place = 0
  let star = -1
  let resume = 0
  while (at < topic.length) {
    const wanted = pattern[place]
    if (wanted === '*') {
      star = place++
      resume = at
    } else if (wanted === '?' || wanted === topic[at]) {
      place++
      at++
    } else if (star >= 0) {
      // The last star takes one character more; an earlier one never needs to.
      place = star + 1
      at = ++resume
    } else return false
  }
  while (pattern[place] === '*') place++
  return place === pattern.length
}
