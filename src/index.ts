/** The public door for programs that embed a hub, and the contract's types. */
export * from './contract/index.ts'
export type { PlanOptions as HubOptions } from './hub/plan.ts'
export { ConfigFaults, checkAll, type RunningHub, startHub as createHub } from './hub.ts'
export type { HubReport, Ledger } from './telemetry/report.ts'
