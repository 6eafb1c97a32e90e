import type { TrestleError } from 'trestle/contract'
import type { ProducerIdentity } from './record-batch.ts'

/** One record of a batch: whose it is, and when its message arrived. */
export interface Member {
  readonly id: string
  /** Tells deliveries apart that got the same identity after the data folder was put back from a copy. */
  readonly timeMs: number
}

/** A record batch that was sent, and of which it is not known whether it is in the log of its partition. */
export interface Claim {
  readonly partition: Partition
  /** As it was sent: it may only go again just so. */
  readonly batch: Buffer
  readonly members: readonly Member[]
  /** The end of the partition as it was known before it was sent; -1 unknown. */
  readonly fromOffset: number
  /** Its numbers are those that the partition counts on from. */
  readonly isOwn: boolean
  /** Places in the batch being delivered that are in it. */
  waiting: number[]
  /** Its numbers alone say too little: look whether it is there before it is sent again. */
  mustLook: boolean
  /** It was looked for, and not found. */
  isLooked: boolean
}

/** One partition: where its leader is, and how far its numbered batches got. */
export interface Partition {
  readonly topic: Topic
  readonly index: number
  /** Node id; -1 while there is none. */
  leader: number
  /** Who numbers the batches of this partition; null before the first. */
  identity: ProducerIdentity | null
  /** Sequence number of the next record. */
  sequence: number
  /** Offset behind the last record that is known to be there; -1 before the first. */
  end: number
  /** Goes before all else. null: everything sent is settled. */
  claim: Claim | null
  /** Places in the batch being delivered that go here, and how many of them are done. */
  queue: number[]
  head: number
  /** The most records of the next record batch; halved when one is refused as too large. */
  maxRecords: number
  /** Times in a row that the cluster asked for another try. */
  tries: number
}

export interface Topic {
  readonly name: string
  /** Kafka's own id of it: another one means that it was deleted and created anew. */
  id: string | null
  partitions: Partition[]
  /** Why nothing can be written to it now. */
  fault: TrestleError | null
  /** When it must be asked for again. *Unit*: ms since the epoch. */
  staleMs: number
}

export const placeOf = ({ topic, index }: Partition): string => `${topic.name}-${index}`

export const newPartition = (topic: Topic, index: number): Partition => ({
  topic,
  index,
  leader: -1,
  identity: null,
  sequence: 0,
  end: -1,
  claim: null,
  queue: [],
  head: 0,
  maxRecords: Number.POSITIVE_INFINITY,
  tries: 0,
})
