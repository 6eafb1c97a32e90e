import type { Code } from '../contract/codes.ts'
import type { Header } from '../contract/message.ts'

/** What a sink has taken. Times count from the start of the example. *Unit*: ms. */
export interface SeenDelivery {
  readonly sink: string
  readonly rule: string
  readonly target: string | null
  readonly key: string | null
  readonly headers: readonly Header[]
  readonly options: Readonly<Record<string, unknown>> | null
  readonly payload: Uint8Array
  readonly attempts: number
  readonly atMs: number
}

/** What a rule has published. */
export interface SeenPublish {
  readonly rule: string
  readonly topic: string
  readonly payload: Uint8Array
  readonly retain: boolean
  readonly qos: 0 | 1 | 2
  readonly atMs: number
}

/** What a publisher was answered. */
export interface SeenPuback {
  /** Index of the message among those given. */
  readonly given: number
  /** Reason code of MQTT 5. */
  readonly reason: number
  /** What a refusal says, and which rule's it is. */
  readonly code: Code | null
  readonly message: string | null
  readonly rule: string | null
  /** Where the rule's file says what failed. */
  readonly place: string | null
  readonly atMs: number
}

/** What became a dead letter. */
export interface SeenLetter {
  /** null when a rule refused it before any sink was owed it. */
  readonly sink: string | null
  readonly rule: string
  readonly code: Code
  readonly message: string
  readonly attempts: number
  readonly payload: Uint8Array
  readonly atMs: number
}

/** What a sink has not taken when the example ends. */
export interface SeenWaiting {
  readonly sink: string
  readonly count: number
  readonly message: string | null
}

/** All that was seen while an example ran. */
export interface Witness {
  readonly deliveries: SeenDelivery[]
  readonly publishes: SeenPublish[]
  readonly pubacks: SeenPuback[]
  readonly letters: SeenLetter[]
  readonly waiting: SeenWaiting[]
  /** Indexes of messages whose topic no rule takes. */
  readonly untaken: number[]
  /** How long it took by its own clock. */
  elapsedMs: number
  /** It would have gone on. */
  isCutShort: boolean
}

export const newWitness = (): Witness => ({
  deliveries: [],
  publishes: [],
  pubacks: [],
  letters: [],
  waiting: [],
  untaken: [],
  elapsedMs: 0,
  isCutShort: false,
})
