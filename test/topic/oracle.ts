import fc from 'fast-check'

/** The matching rule of the standard, level by level and as plainly as possible. */
export function matchesPlainly(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  return levelsMatch(filter.split('/'), topic.split('/'))
}

function levelsMatch(filter: string[], topic: string[]): boolean {
  if (filter.length === 0) return topic.length === 0
  const [head, ...tail] = filter
  if (head === '#') return true
  if (topic.length === 0) return false
  return (head === '+' || head === topic[0]) && levelsMatch(tail, topic.slice(1))
}

const word = fc.constantFrom('', 'a', 'b', 'ab', '$s', 'ø')

/** Topics over few words, so that matches are frequent; never empty. */
export const anyTopic = fc
  .array(word, { minLength: 1, maxLength: 5 })
  .map((levels) => levels.join('/'))
  .filter((topic) => topic !== '')

/** Valid filters over the same words. */
export const anyFilter = fc
  .tuple(fc.array(fc.oneof(word, fc.constant('+')), { maxLength: 5 }), fc.boolean())
  .map(([levels, hash]) => [...levels, ...(hash ? ['#'] : [])].join('/'))
  .filter((filter) => filter !== '')
