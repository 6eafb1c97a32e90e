import { beginning, end } from './cluster.ts'

/** Where reading begins where nothing is stored. */
export type Start =
  | { readonly kind: 'stored' }
  | { readonly kind: 'offset'; readonly offset: number }
  /** `count` records from a moment on, which is a time or one of the two ends of the log. */
  | { readonly kind: 'moment'; readonly timeMs: number; readonly count: number }

/** *Shape*: what the schema of `start` lets pass; null for a day that is in no calendar. */
export function parseStart(text: string): Start | null {
  if (text === 'stored') return { kind: 'stored' }
  if (text === 'beginning') return { kind: 'moment', timeMs: beginning, count: 0 }
  if (text === 'end') return { kind: 'moment', timeMs: end, count: 0 }
  if (/^\+\d+$/.test(text)) return { kind: 'moment', timeMs: beginning, count: Number(text) }
  if (/^-\d+$/.test(text)) return { kind: 'moment', timeMs: end, count: Number(text) }
  if (/^\d+$/.test(text)) return { kind: 'offset', offset: Number(text) }
  const timeMs = Date.parse(text)
  return Number.isNaN(timeMs) || timeMs < 0 ? null : { kind: 'moment', timeMs, count: 0 }
}
