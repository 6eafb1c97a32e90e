import {
  type BatchLimits,
  type Connector,
  type Delivery,
  delivered,
  type Intake,
  notDelivered,
  type Receipt,
  type Sink,
  type Source,
  TrestleError,
} from 'trestle/contract'

/** What arrived at a far side that exists in memory only. */
export interface Arrived {
  id: string
  key: string | null
  orderKey: string
  value: string
  attempt: number
}

/**
 * A far side whose faults are scripted: tests find it by the connector's name in `farSides` (in-process bodies only)
 * and look at `arrived`. `fault` is asked for each delivery; null takes it.
 */
export class FarSide {
  arrived: Arrived[] = []
  opens = 0
  closes = 0
  batches: number[] = []
  ordering: Sink['ordering'] = 'key'
  limits: BatchLimits = { count: 100, bytes: 1_000_000, lingerMs: 0 }
  fault: (delivery: Delivery) => TrestleError | null = () => null
  /** Awaited before each opening and each batch; may throw, hang or wait. */
  onOpen: () => Promise<void> = async () => {}
  onDeliver: (batch: readonly Delivery[]) => Promise<void> = async () => {}
  onClose: () => Promise<void> = async () => {}
  intake: Intake | null = null
  flowing = false

  deliver(batch: readonly Delivery[]): Receipt[] {
    this.batches.push(batch.length)
    const failed = new Map<string, Receipt>()
    return batch.map((delivery) => {
      const order = this.ordering === 'total' ? '' : delivery.orderKey
      const fault = this.fault(delivery)
      const receipt = failed.get(order) ?? (fault === null ? delivered : notDelivered(fault))
      if (receipt.outcome === 'failed') failed.set(order, receipt)
      if (receipt.outcome === 'delivered') this.#arrive(delivery)
      return receipt
    })
  }

  #arrive({ id, key, orderKey, payload, attempt }: Delivery): void {
    this.arrived.push({ id, key, orderKey, value: Buffer.from(payload).toString(), attempt })
  }
}

export const farSides = new Map<string, FarSide>()

export const farSideOf = (name: string): FarSide => {
  const known = farSides.get(name) ?? new FarSide()
  farSides.set(name, known)
  return known
}

class MemorySink implements Sink {
  readonly ordering: Sink['ordering']
  readonly limits: BatchLimits
  readonly #far: FarSide

  constructor(far: FarSide) {
    this.#far = far
    this.ordering = far.ordering
    this.limits = far.limits
  }

  async open(): Promise<void> {
    this.#far.opens++
    await this.#far.onOpen()
  }

  async deliver(batch: readonly Delivery[]): Promise<readonly Receipt[]> {
    await this.#far.onDeliver(batch)
    return this.#far.deliver(batch)
  }

  async close(): Promise<void> {
    this.#far.closes++
    await this.#far.onClose()
  }
}

class MemorySource implements Source {
  readonly #far: FarSide

  constructor(far: FarSide) {
    this.#far = far
  }

  async open(intake: Intake): Promise<void> {
    this.#far.opens++
    await this.#far.onOpen()
    this.#far.intake = intake
    this.#far.flowing = true
  }

  pause(): void {
    this.#far.flowing = false
  }

  resume(): void {
    this.#far.flowing = true
  }

  async close(): Promise<void> {
    this.#far.closes++
    this.#far.flowing = false
  }
}

const memory: Connector = {
  type: 'memory',
  summary: 'keeps what it gets in memory, for tests',
  options: { type: 'object' },
  createSink: (_options: never, context) => new MemorySink(farSideOf(context.name)),
  createSource: (_options: never, _source: never, context) => new MemorySource(farSideOf(context.name)),
  probe: async () => [{ step: 'remember', ok: true, detail: 'still here', tookMs: 0 }],
}

export default memory

export const failsLater = (message = 'not now'): TrestleError => new TrestleError('E607', message)
export const failsNever = (message = 'never'): TrestleError => new TrestleError('E606', message)
export const losesConnection = (message = 'connection reset'): TrestleError => new TrestleError('E601', message)
