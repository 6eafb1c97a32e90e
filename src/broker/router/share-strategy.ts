/** How the member of a shared subscription that gets a message is chosen. */
export const shareStrategies = [
  'round_robin',
  'random',
  'sticky',
  'hash_client',
  'hash_topic',
  'local',
  'least_inflight',
] as const

export type ShareStrategy = (typeof shareStrategies)[number]

/** Publishers of which a group remembers who had their last message. */
export const stickyMaxPublishers = 100_000

/** Which kinds of subscription there are, and how the shared ones choose. */
export interface SubscriptionOptions {
  /** null: shared subscriptions are refused. */
  readonly shared: ShareStrategy | null
  /** By the name of the group, where it is not `shared`. */
  readonly groups: ReadonlyMap<string, ShareStrategy>
  readonly exclusive: boolean
  readonly limited: boolean
}

export const defaultSubscriptions: SubscriptionOptions = {
  shared: 'round_robin',
  groups: new Map(),
  exclusive: true,
  limited: true,
}
