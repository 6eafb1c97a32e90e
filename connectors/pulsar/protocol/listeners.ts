import type { PulsarFault } from './fault.ts'
import type { CommandBody } from './wire/commands.ts'

/** Told what concerns one producer. After `closed` nothing comes any more. */
export interface ProducerListener {
  receipt(receipt: CommandBody<'sendReceipt'>): void
  sendError(error: CommandBody<'sendError'>): void
  /** The broker let it go, its topic moved, or the connection ended. */
  closed(fault: PulsarFault): void
}

/** Told what concerns one consumer. After `closed` nothing comes any more. */
export interface ConsumerListener {
  /** `frame` from `entryAt` on is the entry (see wire/entry.ts); it is not used again and may be kept. */
  message(command: CommandBody<'message'>, frame: Buffer, entryAt: number): void
  activeChange(isActive: boolean): void
  endOfTopic(): void
  closed(fault: PulsarFault): void
}
