import { type Code, codes } from '../contract/codes.ts'
import type { Sink } from '../contract/connector.ts'
import { TrestleError } from '../contract/error.ts'
import type { Delivery } from '../contract/message.ts'
import { notDelivered, type Receipt } from '../contract/receipt.ts'

/**
 * The sink behind `$dead-letters`: what the rules refused was written to the journal with the refusal as its options;
 * here it is refused once more with just that error, and so becomes a dead letter like any other.
 */
export const refusals = (): Sink => ({
  ordering: 'key',
  limits: { count: 1000, bytes: 4 * 1024 * 1024, lingerMs: 20 },
  open: async () => {},
  deliver: async (batch) => batch.map(refuse),
  close: async () => {},
})

const refuse = (delivery: Delivery): Receipt => {
  const { code, message } = delivery.options ?? {}
  const known = typeof code === 'string' && code in codes ? (code as Code) : 'E999'
  return notDelivered(new TrestleError(known, String(message ?? 'refused'), { retry: 'never' }))
}
