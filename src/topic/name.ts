/**
 * The longest topic name or filter. *Unit*: bytes of UTF-8. *Source*: MQTT 5.0 §4.7.3 [MQTT-4.7.3-3].
 */
export const maxTopicBytes = 65_535

/**
 * What is wrong with a topic name, in words that end a sentence ("the topic …"); null when it may be published to.
 *
 * *Source*: MQTT 5.0 §4.7.1 [MQTT-3.3.2-2], §4.7.3 [MQTT-4.7.3-1, -2, -3].
 */
export function topicNameFault(topic: string): string | null {
  const fault = topicTextFault(topic)
  if (fault !== null) return fault
  if (topic.includes('+') || topic.includes('#')) return 'contains a wildcard (+ or #), which only a filter may'
  return null
}

/**
 * The same text in memory of its own. A part of a text holds on to the whole, so what outlives its topic (a level of a
 * tree) must not be a part.
 */
export const ownText = (text: string): string => (text.length < shortestPart ? text : Buffer.from(text).toString())

/** V8 copies what is shorter. */
const shortestPart = 13

/** Levels of a topic name or filter. */
export function levelCount(text: string): number {
  let count = 1
  for (let at = text.indexOf('/'); at !== -1; at = text.indexOf('/', at + 1)) count++
  return count
}

/** The faults that names and filters share: empty, NUL, not Unicode, too long. */
export function topicTextFault(text: string): string | null {
  if (text.length === 0) return 'is empty'
  if (text.includes('\0')) return 'contains the character U+0000'
  if (!text.isWellFormed()) return 'contains half of a surrogate pair, which is not Unicode text'
  // A UTF-16 unit is at most three bytes of UTF-8: short texts need no count.
  if (text.length * 3 > maxTopicBytes && Buffer.byteLength(text) > maxTopicBytes) {
    return `is longer than ${maxTopicBytes} bytes`
  }
  return null
}
