import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConnectorContext } from 'trestle/contract'
import { pulsarOptions } from '../../../connectors/pulsar/options.ts'
import { PulsarSource } from '../../../connectors/pulsar/source.ts'
import { pulsarSourceOptions } from '../../../connectors/pulsar/source-options.ts'
import type { PulsarServer } from '../../services/index.ts'
import { HeldIntake } from '../../support/held-intake.ts'

export const logged: { event: string; facts: Record<string, unknown> | undefined }[] = []

/** A context in a folder of its own (or the one that is given). */
export const contextFor = async (name: string, folder?: string): Promise<ConnectorContext> => ({
  name,
  hub: 'hub-under-test',
  folder: folder ?? (await mkdtemp(join(tmpdir(), 'trestle-pulsar-source-'))),
  now: Date.now,
  log: (_level, event, facts) => logged.push({ event, facts }),
})

/** A source that is open, and the door it hands in at. */
export interface OpenSource {
  readonly source: PulsarSource
  readonly intake: HeldIntake
  /** As the hub closes it: what is not answered has failed. */
  close(): Promise<void>
}

export async function openSource(
  server: { url: string },
  given: object,
  outcome: HeldIntake['outcome'] = 'stored',
  extra: { options?: object; folder?: string } = {},
): Promise<OpenSource> {
  const options = pulsarOptions({ servers: [server.url], ...extra.options })
  const fields = { subscription: 's', publish: 'from/${topic}', initial_position: 'earliest', ...given }
  const source = new PulsarSource(options, pulsarSourceOptions(fields), await contextFor('pulsar', extra.folder))
  const intake = new HeldIntake(outcome)
  await source.open(intake)
  return {
    source,
    intake,
    async close() {
      intake.end()
      await source.close()
    },
  }
}

/** What the broker says of a subscription; null when there is none. */
export interface SubscriptionStats {
  readonly msgBacklog: number
  readonly unackedMessages: number
  readonly consumers: { readonly consumerName: string; readonly metadata: Record<string, string> }[]
  readonly subscriptionProperties: Record<string, string>
  readonly type: string
}

export async function statsOf(server: PulsarServer, topic: string, name = 's'): Promise<SubscriptionStats | null> {
  const path = `/persistent/public/default/${topic}/stats?getPreciseBacklog=true`
  const stats = (await server.admin(path)) as { subscriptions: Record<string, SubscriptionStats> }
  return stats.subscriptions[name] ?? null
}

/** Makes a topic; with `partitions` a partitioned one. */
export async function makeTopic(server: PulsarServer, topic: string, partitions = 0): Promise<void> {
  const path = `/persistent/public/default/${topic}`
  await (partitions === 0 ? server.admin(path, 'PUT') : server.admin(`${path}/partitions`, 'PUT', partitions))
}
