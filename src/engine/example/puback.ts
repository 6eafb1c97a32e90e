/** What a publisher may hear, by the names examples use. *Source*: MQTT 5.0 §3.4.2.1. */
const reasons: Readonly<Record<string, number>> = {
  success: 0x00,
  'unspecified error': 0x80,
  'implementation specific error': 0x83,
  'not authorized': 0x87,
  'topic name invalid': 0x90,
  'quota exceeded': 0x97,
  'payload format invalid': 0x99,
}

/** No answer at all: QoS 0, or one that still waits. */
export const unanswered = 'none'

export const pubackNames: readonly string[] = [...Object.keys(reasons), unanswered]

const names = new Map(Object.entries(reasons).map(([name, code]) => [code, name]))

/** The reason's name; for another code its number. */
export const pubackName = (code: number): string => names.get(code) ?? `0x${code.toString(16).padStart(2, '0')}`

/** A reason by its name or number (`0x99`, 153); `none` for no answer; null when it is neither. */
export function readPuback(written: string | number): number | typeof unanswered | null {
  if (typeof written === 'number') return written >= 0 && written < 256 ? written : null
  const text = written.trim().toLowerCase().replaceAll(/[_-]/g, ' ').replace('authorised', 'authorized')
  if (/^0x[0-9a-f]{2}$/.test(text)) return Number.parseInt(text, 16)
  if (text === unanswered) return unanswered
  return Object.hasOwn(reasons, text) ? reasons[text]! : null
}
