import { TrestleError } from 'trestle/contract'

/**
 * MQTT topics as NATS subjects and back: every legal topic has its own subject, and comes back from it unchanged.
 *
 * | in the topic | in the subject |
 * |---|---|
 * | `/` between levels | `.` |
 * | an empty level | the token `/` |
 * | `.` | `//` |
 * | control characters, space, DEL, `*`, `>`; `$` or `_` at the very beginning | `%` and two hex digits |
 * | `%` before what would be read as such | `%25` |
 *
 * The first three are what nats-server's own MQTT listener does. `$` and `_` begin subjects of the server and of its
 * clients (`$JS.API…`, `_INBOX…`): no device must reach them through its topic.
 * *Source*: NATS docs, "Subject-based messaging"; nats-server, README-MQTT.
 */

/** What `%` may stand before, when it is an escape. */
const code = '(?:0[1-9A-F]|1[0-9A-F]|20|7F|2A|3E|25|24|5F)'
const unsafe = new RegExp(`[\\x01-\\x20\\x7f*>]|%(?=${code})`, 'g')
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const special = /[\x01-\x20\x7f*>%.]|^[/$_]|\/\/|\/$/
const escaped = new RegExp(`%(${code})`, 'g')

const hex = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`

/** The subject of a topic. *Shape*: tokens are never empty and never a wildcard. */
export function subjectOf(topic: string): string {
  if (!special.test(topic)) return topic.replaceAll('/', '.')
  return reserved(topic.split('/').map(tokenOf).join('.'))
}

/** The topic of a subject; of any subject, not only of those that `subjectOf` makes. */
export function topicOf(subject: string): string {
  const topic = subject.replaceAll('.', '\0')
  if (!topic.includes('/') && !topic.includes('%')) return topic.replaceAll('\0', '/')
  return topic.split('\0').map(levelOf).join('/')
}

const tokenOf = (level: string): string => (level === '' ? '/' : level.replace(unsafe, hex).replaceAll('.', '//'))

const levelOf = (token: string): string =>
  token === '/'
    ? ''
    : token
        .replaceAll('//', '.')
        .replace(escaped, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))

const reserved = (subject: string): string => (/^[$_]/.test(subject) ? hex(subject) + subject.slice(1) : subject)

/** The same, but with a subject that may begin with `_`: an inbox, where a reply is awaited. */
export const replySubjectOf = (topic: string): string => {
  const subject = subjectOf(topic)
  return subject.startsWith('%5F') ? `_${subject.slice(3)}` : subject
}

/** Room for a second subject, sizes and the verb on a line of the protocol, which has 4,096 bytes unless the server says more. */
const maxBytes = 3500

/**
 * Whether a message can be published to it, and this connector may: not to what begins with `$`, because these are the
 * server's own. *Errors*: E606.
 */
export function checkSubject(subject: string): TrestleError | null {
  if (Buffer.byteLength(subject) > maxBytes) return refusal(subject, `is longer than ${maxBytes} bytes`)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x20\x7f]/.test(subject)) return refusal(subject, 'holds a space or a control character')
  if (/^$|^\.|\.$|\.\./.test(subject)) return refusal(subject, 'has an empty token')
  if (/(^|\.)[*>](\.|$)/.test(subject)) return refusal(subject, 'has a wildcard')
  if (subject.startsWith('$')) return refusal(subject, 'begins with `$`, as those of the server do')
  return null
}

function refusal(subject: string, why: string): TrestleError {
  const shown = subject.length > 80 ? `${subject.slice(0, 80)}…` : subject
  const advice = 'tokens with dots between, without spaces and wildcards; without `subject` the topic is mapped'
  return new TrestleError('E606', `the subject \`${shown}\` ${why}`, { detail: { advice } })
}

/** Characters of a key in a key-value bucket. *Source*: NATS ADR-8. */
const legalKey = /^(?!\.)(?!.*\.\.)(?!.*\.$)[-/_=.a-zA-Z0-9]+$/

/** The key of a topic in a key-value bucket: as `subjectOf`, with `=` and hex digits for each other byte than a key may have. */
export function keyOf(topic: string): string {
  const key = topic
    .split('/')
    .map((level) => (level === '' ? '/' : level.replace(/[^-_.a-zA-Z0-9]/gu, bytesHex).replaceAll('.', '//')))
    .join('.')
  return key.startsWith('_') ? `=5F${key.slice(1)}` : key
}

/** The topic of a key of a bucket. */
export const topicOfKey = (key: string): string =>
  key
    .split('.')
    .map((token) => (token === '/' ? '' : token.replaceAll('//', '.').replace(/(?:=[0-9A-F]{2})+/g, textOfHex)))
    .join('/')

const bytesHex = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')

const textOfHex = (text: string): string => Buffer.from(text.replaceAll('=', ''), 'hex').toString('utf8')

/** *Errors*: E606. */
export function checkKey(key: string): TrestleError | null {
  if (legalKey.test(key) && !key.startsWith('_kv')) return null
  const advice = 'a key has letters, digits, `-`, `/`, `_`, `=`, and single dots inside'
  return new TrestleError('E606', `\`${key}\` is not a key of a bucket`, { detail: { advice } })
}
