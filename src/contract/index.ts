/**
 * What a connector's author may import (`trestle/contract`): the two nouns, the ports and the errors. It imports
 * nothing of ours, so that an in-tree connector is letter for letter what a third party would write.
 */
export { type Code, type CodeRow, codes, type Retry } from './codes.ts'
export type {
  BatchLimits,
  Connector,
  ConnectorContext,
  Intake,
  OptionsSchema,
  ProbeStep,
  Sink,
  Source,
} from './connector.ts'
export { type ErrorDetail, TrestleError } from './error.ts'
export {
  asciiHeadersOf,
  type CarriedHeaders,
  headersOf,
  headerTable,
  hopsOf,
  hopsProperty,
  hopsThrough,
  isReserved,
  readHeaders,
  textHeadersOf,
  wentThrough,
} from './headers.ts'
export { type ForeignRecord, Inbound, type InboundBatch, type InboundOptions, inboundFields } from './inbound.ts'
export { type Meaning, means } from './meaning.ts'
export type { Delivery, Header, Message, MessageProperties, Owed } from './message.ts'
export { fromNetwork, type KnownFaults, networkFaults } from './network-faults.ts'
export { type OptionsOf, quantities, tlsFields, withDefaults } from './options.ts'
export {
  deliverAlone,
  hostAndPort,
  type ProbeTry,
  probeDelivery,
  reachPort,
  resolveName,
  walkProbe,
} from './probe.ts'
export { delivered, notDelivered, type Outcome, type Receipt } from './receipt.ts'
