import { notDelivered, type Receipt, type TrestleError } from 'trestle/contract'
import { type Claim, type Partition, placeOf } from './partition.ts'
import type { ProduceAnswer } from './produce.ts'
import { sequenceAfter } from './record-batch.ts'

/** A record batch on its way: the next `count` of its partition's queue, or a claim that is sent again. */
export interface Lot {
  readonly partition: Partition
  readonly claim: Claim | null
  readonly count: number
  readonly batch: Buffer
  answer: ProduceAnswer | null
  error: TrestleError | null
  /** It was taken, but the transaction around it was not: as if it had not been sent. */
  isAborted: boolean
}

export const newLot = (partition: Partition, count: number, batch: Buffer, claim: Claim | null = null): Lot => ({
  partition,
  claim,
  count,
  batch,
  answer: null,
  error: null,
  isAborted: false,
})

/** There is something left to do for this partition. */
export const isUnfinished = ({ claim, head, queue }: Partition): boolean =>
  head < queue.length || (claim !== null && claim.waiting.length > 0)

/** All that is left for the partition fails with the same error. */
export function fail(partition: Partition, receipts: Receipt[], error: TrestleError): null {
  const receipt = notDelivered(error)
  const { claim, queue } = partition
  if (claim !== null) for (const at of claim.waiting.splice(0)) receipts[at] = receipt
  for (; partition.head < queue.length; partition.head++) receipts[queue[partition.head]!] = receipt
  return null
}

/** The next `count` of the queue are written, the first at `baseOffset`; -1: somewhere. */
export function confirm(partition: Partition, count: number, baseOffset: number, receipts: Receipt[]): void {
  const { queue } = partition
  const written = partition.head + count
  for (let offset = baseOffset; partition.head < written; partition.head++, offset++) {
    receipts[queue[partition.head]!] = new Written(partition, baseOffset < 0 ? -1 : offset)
  }
  partition.sequence = sequenceAfter(partition.sequence, count)
  if (baseOffset >= 0) partition.end = baseOffset + count
  partition.tries = 0
  partition.maxRecords *= 2
}

/** Those that waited for the claim are written; `idAt` gives the identity at a place of the batch being delivered. */
export function confirmClaim(
  { partition, members, waiting }: Claim,
  baseOffset: number,
  idAt: (at: number) => string,
  receipts: Receipt[],
): void {
  for (const at of waiting.splice(0)) {
    const id = idAt(at)
    const offset = baseOffset < 0 ? -1 : baseOffset + members.findIndex((member) => member.id === id)
    receipts[at] = new Written(partition, offset)
  }
  if (baseOffset >= 0) partition.end = baseOffset + members.length
  partition.tries = 0
}

/** Those that waited for the claim go into the queue again, in front. */
export function requeue({ partition, waiting }: Claim): void {
  partition.queue.splice(partition.head, 0, ...waiting.splice(0))
}

/** A Receipt that says where the record is, in words only when someone asks. */
class Written implements Receipt {
  readonly outcome = 'delivered'
  readonly error = null
  readonly #partition: Partition
  readonly #offset: number

  constructor(partition: Partition, offset: number) {
    this.#partition = partition
    this.#offset = offset
  }

  get place(): string | null {
    return this.#offset < 0 ? null : `${placeOf(this.#partition)}@${this.#offset}`
  }
}
