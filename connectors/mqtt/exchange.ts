/*
 * What becomes of one packet identifier of a connection that publishes:
 *
 *   idle ──publish1──▶ sent1 ──puback──▶ idle
 *   idle ──publish2──▶ sent2 ──pubrec──▶ received ──hold──▶ held
 *                                           │ release        │ release
 *                                           ▼                │
 *                                        released ◀──────────┘
 *                                           │ pubcomp
 *                                           ▼
 *                                          idle
 *
 * A reason code of 0x80 and more ends sent1 and sent2 (`refused`). `received` is the time in which it is written down
 * that the message is the server's now; `held` waits behind an earlier message of its key.
 * Source: MQTT 5.0 §4.3.2, §4.3.3.
 */

export type ExchangeState = 'idle' | 'sent1' | 'sent2' | 'received' | 'held' | 'released'
export type ExchangeEvent = 'publish1' | 'publish2' | 'puback' | 'pubrec' | 'refused' | 'hold' | 'release' | 'pubcomp'

/** `fault`: the server, or we, broke the rules. `ignored`: said twice, which is allowed. */
export type ExchangeStep = ExchangeState | 'fault' | 'ignored'

/** Every state against every event. */
export const exchange: Readonly<Record<ExchangeState, Readonly<Record<ExchangeEvent, ExchangeStep>>>> = {
  idle: {
    publish1: 'sent1',
    publish2: 'sent2',
    puback: 'ignored',
    pubrec: 'ignored',
    refused: 'ignored',
    hold: 'fault',
    release: 'fault',
    pubcomp: 'ignored',
  },
  sent1: {
    publish1: 'fault',
    publish2: 'fault',
    puback: 'idle',
    pubrec: 'fault',
    refused: 'idle',
    hold: 'fault',
    release: 'fault',
    pubcomp: 'fault',
  },
  sent2: {
    publish1: 'fault',
    publish2: 'fault',
    puback: 'fault',
    pubrec: 'received',
    refused: 'idle',
    hold: 'fault',
    release: 'fault',
    pubcomp: 'fault',
  },
  received: {
    publish1: 'fault',
    publish2: 'fault',
    puback: 'fault',
    pubrec: 'ignored',
    refused: 'ignored',
    hold: 'held',
    release: 'released',
    pubcomp: 'fault',
  },
  held: {
    publish1: 'fault',
    publish2: 'fault',
    puback: 'fault',
    pubrec: 'ignored',
    refused: 'ignored',
    hold: 'ignored',
    release: 'released',
    pubcomp: 'fault',
  },
  released: {
    publish1: 'fault',
    publish2: 'fault',
    puback: 'fault',
    pubrec: 'ignored',
    refused: 'ignored',
    hold: 'ignored',
    release: 'ignored',
    pubcomp: 'idle',
  },
}
