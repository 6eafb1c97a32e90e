/**
 * Sparkplug B: payloads of edge nodes and devices, with their metrics by name.
 *
 * It promises: every data type as plain data and back, 64-bit integers exact; aliases resolved by the births of the
 * node and the device, however they are spread over rules; a message whose node or device was not born, whose alias
 * nobody has told or before which others are missing, is a fault of that message, and its node is asked for a rebirth,
 * seldom. What it remembers is bounded, and lost with the process: then nodes are asked again, as the standard expects
 * of a host application. It publishes nothing itself: `onRebirth` is told what should be.
 *
 * `topic` reads topics; `payload` and `metric` the wire, with `property-set`, `data-set`, `template` and
 * `array-value` for what metrics hold and `wire-reader` below; `encode` writes it all, with `wire-writer`; `sessions`
 * knows who is alive; `rebirth` asks. *Source*: Eclipse Sparkplug 3.0.
 */
import type { SchemaBody, SchemaFault } from '../../schema.ts'
import type { Shape } from '../../shape.ts'
import { framed } from '../../wire-format.ts'
import { encodePayload } from './encode.ts'
import type { Known, Metric, Recognise } from './metric.ts'
import { PayloadFault, type RawPayload, readPayload, readSeq } from './payload.ts'
import { type Fields, setField } from './plain-value.ts'
import { type RebirthRequest, Rebirths } from './rebirth.ts'
import { type NodeSession, Sessions } from './sessions.ts'
import { readState } from './state-message.ts'
import { readTopic, type SparkplugTopic } from './topic.ts'
import { Malformed } from './wire-reader.ts'

const anything: Shape = { kind: 'any' }

const shape: Shape = {
  kind: 'object',
  open: true,
  fields: new Map<string, Shape>([
    ['kind', { kind: 'string' }],
    ['group', anything],
    ['node', { kind: 'string' }],
    ['device', anything],
    ['timestamp', anything],
    ['seq', anything],
    ['metrics', { kind: 'object', open: true, fields: new Map() }],
    ['list', { kind: 'list', items: anything }],
  ]),
}

/** What a topic asks of the message, beyond being well-formed. */
type Judged = SchemaFault | null

export class Sparkplug implements SchemaBody {
  fault: SchemaFault | null = null
  /** Told what should be published to wake a node. */
  onRebirth: (request: RebirthRequest) => void = () => {}
  /** A message is read for itself, as when one is explained: nobody needs to be born. Aliases still mean nothing then. */
  isTrusting = false
  readonly sessions = new Sessions()
  readonly #rebirths: Rebirths

  constructor(now: () => number = Date.now) {
    this.#rebirths = new Rebirths(now)
  }

  check(value: unknown): SchemaFault | null {
    const encoded = encodePayload(value)
    return 'fault' in encoded ? encoded.fault : null
  }

  fields(): Shape {
    return shape
  }

  encode(value: unknown, before?: Uint8Array): Uint8Array | null {
    const encoded = encodePayload(value)
    this.fault = 'fault' in encoded ? encoded.fault : null
    return 'fault' in encoded ? null : framed(before, encoded.bytes)
  }

  /**
   * Reads a payload and takes what it says of its node; a fault asks the node for a rebirth where that would help. A
   * payload without a topic is read for itself, and says nothing of any node.
   */
  decode(bytes: Uint8Array, topic: string): unknown {
    const read = readTopic(topic)
    if (topic === '') return this.#readAlone(bytes)
    if (read === null)
      return this.#refuse(faultOf('', `came under ${JSON.stringify(topic)}, which is no topic of Sparkplug B`))
    if (read.kind === 'STATE') {
      const state = readState(bytes)
      return state === null
        ? this.#refuse(faultOf('', 'is no STATE message'))
        : { kind: 'STATE', group: null, node: read.node, device: null, seq: null, metrics: {}, list: [], ...state }
    }
    try {
      const payload = readPayload(bytes, this.#recogniser(read))
      const fault = this.isTrusting ? null : this.#take(read, payload)
      if (fault === null) {
        this.fault = null
        return plainPayload(read, payload, this.#isStale(read, payload))
      }
      if (read.kind !== 'NBIRTH') this.#ask(read)
      return this.#refuse(fault)
    } catch (thrown) {
      if (!(thrown instanceof PayloadFault)) throw thrown
      if (thrown.wantsBirth) this.#ask(read)
      this.#passOver(read, bytes)
      return this.#refuse(faultOf(thrown.path, thrown.message))
    }
  }

  /**
   * Takes what a message says of its node, whether or not a rule reads it: births reach rules that only ask for data,
   * and numbers that others use up are no gaps. Messages that were decoded before change nothing more.
   */
  observe(bytes: Uint8Array, topic: string): void {
    const read = readTopic(topic)
    if (read === null || read.kind === 'STATE' || isCommand(read)) return
    try {
      if (read.kind === 'NDATA' || read.kind === 'DDATA') this.#passOver(read, bytes)
      else this.#take(read, readPayload(bytes, this.#recogniser(read)))
    } catch (thrown) {
      // Whoever has a rule for it is told; here it only says nothing.
      if (!(thrown instanceof PayloadFault)) throw thrown
      this.#passOver(read, bytes)
    }
  }

  #readAlone(bytes: Uint8Array): unknown {
    try {
      const { timestamp, seq, metrics } = readPayload(bytes, byName)
      this.fault = null
      return plainMetrics({ timestamp, seq }, metrics)
    } catch (thrown) {
      if (!(thrown instanceof PayloadFault)) throw thrown
      return this.#refuse(faultOf(thrown.path, thrown.message))
    }
  }

  #refuse(fault: SchemaFault): undefined {
    this.fault = fault
    return undefined
  }

  #ask({ group, node }: SparkplugTopic): void {
    const request = this.#rebirths.ask(group!, node)
    if (request !== null) this.onRebirth(request)
  }

  /** Births name their metrics; anything else may use what was born. */
  #recogniser({ kind, group, node, device }: SparkplugTopic): Recognise {
    if (kind === 'NBIRTH' || kind === 'DBIRTH') return byName
    const session = this.sessions.node(`${group}/${node}`)
    const births = session === null ? null : device === null ? session.births : (session.devices.get(device) ?? null)
    return (name, alias): Known | null => {
      if (name !== null) return births?.byName.get(name) ?? { name, type: null }
      return alias === null ? null : (births?.byAlias.get(alias) ?? null)
    }
  }

  /** The number of a message that is not read counts all the same. */
  #passOver({ group, node }: SparkplugTopic, bytes: Uint8Array): void {
    try {
      const seq = readSeq(bytes)
      if (seq !== null) this.sessions.node(`${group}/${node}`)?.take(seq)
    } catch (thrown) {
      if (!(thrown instanceof Malformed)) throw thrown
      // Without its number the next message comes after a gap, which is what it does.
      return
    }
  }

  /** What a message does to what is known of its node; a fault when it came when it should not. */
  #take(topic: SparkplugTopic, { seq, metrics }: RawPayload): Judged {
    const { kind, group, node, device } = topic
    if (isCommand(topic)) return null
    const key = `${group}/${node}`
    const session = this.sessions.node(key)
    if (kind === 'NDEATH') {
      if (session !== null && isOf(session, metrics)) this.sessions.bury(key)
      return null
    }
    if (typeof seq !== 'number' || seq > 255)
      return faultOf('/seq', seq === null ? 'is missing' : `is ${seq}, not 0 to 255`)
    if (kind === 'NBIRTH') {
      this.sessions.bear(key, seq, bdSeqOf(metrics), metrics)
      this.#rebirths.born(group!, node)
      return null
    }
    if (session === null) return faultOf('', `came before the birth of node ${key}`)
    const expected = session.expectedSeq
    const verdict = session.take(seq)
    const isBorn = kind === 'DBIRTH' || device === null || session.devices.has(device)
    if (kind === 'DBIRTH') this.sessions.bearDevice(key, session, device!, metrics)
    if (verdict === 'gap') return faultOf('/seq', `is ${seq} after a gap; ${expected} was expected of node ${key}`)
    if (kind === 'DDEATH') {
      this.sessions.buryDevice(session, device!)
      return null
    }
    return isBorn ? null : faultOf('', `came before the birth of device ${key}/${device}`)
  }

  /** A will of an earlier life, which says nothing of this one. */
  #isStale({ kind, group, node }: SparkplugTopic, { metrics }: RawPayload): boolean {
    const session = kind === 'NDEATH' ? this.sessions.node(`${group}/${node}`) : null
    return session !== null && !isOf(session, metrics)
  }
}

const byName: Recognise = (name) => (name === null ? null : { name, type: null })

const isCommand = ({ kind }: SparkplugTopic): boolean => kind === 'NCMD' || kind === 'DCMD'

const faultOf = (path: string, message: string): SchemaFault => ({ path, message, keyword: 'sparkplug' })

const bdSeqOf = (metrics: readonly Metric[]): number | bigint | null => {
  const value = metrics.find(({ name }) => name === 'bdSeq')?.value
  return typeof value === 'number' || typeof value === 'bigint' ? value : null
}

/** *Source*: Sparkplug 3.0, tck-id-payloads-ndeath-bdseq: a death is of the birth with the same number. */
const isOf = ({ bdSeq }: NodeSession, metrics: readonly Metric[]): boolean => {
  const of = bdSeqOf(metrics)
  return bdSeq === null || of === null || of === bdSeq
}

function plainPayload(topic: SparkplugTopic, payload: RawPayload, isStale: boolean): Fields {
  const { kind, group, node, device } = topic
  const { timestamp, seq, uuid, body } = payload
  const plain = plainMetrics({ kind, group, node, device, timestamp, seq }, payload.metrics)
  if (uuid !== null) plain['uuid'] = uuid
  if (body !== null) plain['body'] = body
  if (isStale) plain['stale'] = true
  return plain
}

/** Metrics by name and in their order: one that comes several times, as history does, is once among the former. */
function plainMetrics(plain: Fields, list: readonly Metric[]): Fields {
  const metrics: Fields = {}
  for (const metric of list) setField(metrics, metric.name, metric)
  plain['metrics'] = metrics
  plain['list'] = list
  return plain
}
