/** How the broker tells what happened: a level, the event's name, and facts for the log line. Never payloads or secrets. */
export type BrokerEvents = (
  level: 'debug' | 'info' | 'warn' | 'error',
  event: string,
  facts?: Record<string, unknown>,
) => void

/** Tells nobody. */
export const noEvents: BrokerEvents = () => {}
