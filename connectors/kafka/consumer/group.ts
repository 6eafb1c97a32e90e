import { heartbeatV4, joinGroupV7, leaveGroupV4, syncGroupV5 } from '@platformatic/kafka'
import { TrestleError } from 'trestle/contract'
import type { KafkaClient } from '../client.ts'
import { fromKafkaCode } from '../errors.ts'
import type { KafkaSourceOptions } from '../source-options.ts'
import { type Assignor, assignorsOf, difference, type Member } from './assignors.ts'
import type { Coordinator, Membership } from './coordinator.ts'
import type { MemberMemory } from './member-memory.ts'
import {
  type Partitions,
  readAssignment,
  readSubscription,
  writeAssignment,
  writeSubscription,
} from './member-protocol.ts'
import { type Question, verdictOn } from './verdicts.ts'

/** What a membership means to who reads. */
export interface GroupHooks {
  /** The topics to be read now. */
  topics(): readonly string[]
  /** How many partitions these topics have; those that do not exist are left out. */
  counts(topics: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** What is being read. */
  owned(): Partitions
  /** Stops reading these, waits for what was handed in, and stores the offsets. */
  revoke(partitions: Partitions): Promise<void>
  /** Others may read all of it already: nothing can be stored any more. */
  lost(): void
  assign(partitions: Partitions): Promise<void>
  failed(error: TrestleError): void
  told(event: string, facts: Record<string, unknown>): void
}

export interface GroupParts {
  readonly coordinator: Coordinator
  /** For this alone: a join keeps its connection busy for long. */
  readonly client: KafkaClient
  readonly memory: MemberMemory
}

const memberIdRequired = 79
const pauseMs = 100
const maxHeartbeatMs = 3000
/** A coordinator that is not reached so many times in a row is lost. */
const maxMisses = 5

/**
 * Membership in a consumer group: joins, shares the partitions when it leads, and stays alive by heartbeats that wait
 * for nobody. It tells `hooks` what to read. A rebalance takes away only what moves (cooperative) or all for a moment.
 */
export class Group {
  readonly #coordinator: Coordinator
  readonly #client: KafkaClient
  readonly #options: KafkaSourceOptions
  readonly #hooks: GroupHooks
  readonly #memory: MemberMemory
  readonly #assignors: readonly Assignor[]
  #memberId = ''
  #generation = -1
  /** Between a sync and the next join: then, and only then, heartbeats are due. */
  #isMember = false
  #demand: 'rejoin' | 'anew' | null = null
  #wake = (): void => {}
  #closing = false
  #heartbeat: NodeJS.Timeout | null = null
  #isBeating = false
  #misses = 0
  /** The topics this member joined with, and, of a leader, those of all with their partitions. */
  #joinedWith = ''
  #shared: ReadonlyMap<string, number> | null = null

  constructor(parts: GroupParts, options: KafkaSourceOptions, hooks: GroupHooks) {
    this.#coordinator = parts.coordinator
    this.#client = parts.client
    this.#memory = parts.memory
    this.#options = options
    this.#hooks = hooks
    this.#assignors = assignorsOf(options.assignor)
  }

  get membership(): Membership {
    return { generation: this.#generation, memberId: this.#memberId, instanceId: this.#options.instance_id ?? null }
  }

  /** Joins; resolves with the first assignment. *Errors*: those of the connection; E603, E607 and what Kafka says. */
  async open(): Promise<void> {
    const everyMs = Math.max(50, Math.min(maxHeartbeatMs, this.#options.session_timeout_ms / 3))
    // A static member is known by its instance id.
    if (this.#options.instance_id === undefined) this.#memberId = await this.#memory.recall()
    this.#heartbeat = setInterval(() => void this.#beat(), everyMs)
    while (!this.#isMember && !this.#closing) await this.#round()
    void this.#run()
  }

  /** Looks whether the topics or their partitions are others than those that were shared. */
  async look(): Promise<void> {
    if (!this.#isMember || this.#closing) return
    const changed = this.#joinedWith !== printTopics(this.#hooks.topics()) || (await this.#hasGrown())
    if (changed) this.#demandOf('rejoin')
  }

  /** Ends, without leaving: what is under way ends with its connection. */
  async close(): Promise<void> {
    this.#closing = true
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat)
    this.#wake()
    this.#memory.leave()
    await this.#client.close()
  }

  /** Tells the group, unless it is a static member: that one's partitions wait for its return. */
  async leave(client: KafkaClient): Promise<void> {
    if (this.#memberId === '' || this.#options.instance_id !== undefined) return
    const members = [{ memberId: this.#memberId, groupInstanceId: null }]
    await this.#coordinator.ask(client, leaveGroupV4.api, this.#options.group, members)
    await this.#memory.forget()
  }

  async #run(): Promise<void> {
    try {
      while (!this.#closing) {
        if (this.#demand === null && this.#isMember) await new Promise<void>((wake) => (this.#wake = wake))
        else await this.#round()
      }
    } catch (thrown) {
      if (!this.#closing) this.#hooks.failed(TrestleError.from(thrown, 'E608'))
    }
  }

  /** One try to get an assignment. */
  async #round(): Promise<void> {
    const demand = this.#demand
    this.#demand = null
    if (demand === 'anew') this.#reset()
    try {
      await this.#join()
      this.#misses = 0
    } catch (thrown) {
      const error = TrestleError.from(thrown, 'E608')
      if (this.#closing || error.code !== 'E601' || ++this.#misses >= maxMisses) throw error
      this.#isMember = false
      await pause(pauseMs)
    }
  }

  async #join(): Promise<void> {
    const { group, session_timeout_ms, rebalance_timeout_ms, instance_id = null } = this.#options
    const cooperative = this.#assignors[0]!.cooperative
    const owned = this.#hooks.owned()
    if (!cooperative && owned.size > 0) await this.#hooks.revoke(owned)
    if (this.#closing || this.#demand === 'anew') return
    const topics = this.#hooks.topics()
    const subscription = { topics, owned: cooperative ? owned : new Map(), generation: this.#generation }
    const metadata = writeSubscription(subscription)
    const protocols = this.#assignors.map(({ name }) => ({ name, metadata }))
    this.#isMember = false
    const answer = await this.#coordinator.ask(
      this.#client,
      joinGroupV7.api,
      ...([
        group,
        session_timeout_ms,
        rebalance_timeout_ms,
        this.#memberId,
        instance_id,
        'consumer',
        protocols,
      ] as const),
      null,
    )
    if (answer.errorCode === memberIdRequired) this.#memberId = answer.memberId!
    else if (answer.errorCode !== 0) await this.#act('join', answer.errorCode)
    else {
      this.#memberId = answer.memberId!
      this.#generation = answer.generationId
      this.#memory.keep(this.#memberId)
      this.#joinedWith = printTopics(topics)
      await this.#sync(answer.protocolName!, answer.leader === answer.memberId ? readMembers(answer.members!) : null)
    }
  }

  /** `members`: of the leader, who shares the partitions. */
  async #sync(protocol: string, members: readonly Member[] | null): Promise<void> {
    const { group, instance_id = null } = this.#options
    this.#shared = null
    const assignments = members === null ? [] : await this.#share(protocol, members)
    const answer = await this.#coordinator.ask(
      this.#client,
      syncGroupV5.api,
      ...([group, this.#generation, this.#memberId, instance_id, 'consumer', protocol, assignments] as const),
    )
    if (answer.errorCode !== 0) {
      await this.#act('sync', answer.errorCode)
      return
    }
    this.#isMember = true
    const assigned = readAssignment(answer.assignment)
    const owned = this.#hooks.owned()
    const revoked = difference(owned, assigned)
    const added = difference(assigned, owned)
    this.#hooks.told('kafka.assigned', {
      generation: this.#generation,
      members: members?.length ?? null,
      assigned: countOf(assigned),
      added: countOf(added),
      revoked: countOf(revoked),
    })
    if (revoked.size > 0) {
      await this.#hooks.revoke(revoked)
      // Now that it is free, somebody may have it.
      this.#demand ??= 'rejoin'
    }
    if (added.size > 0) await this.#hooks.assign(added)
  }

  async #share(protocol: string, members: readonly Member[]): Promise<{ memberId: string; assignment: Buffer }[]> {
    const counts = await this.#hooks.counts([...new Set(members.flatMap(({ topics }) => topics))])
    this.#shared = counts
    const assignor = this.#assignors.find(({ name }) => name === protocol) ?? this.#assignors[0]!
    const assignment = assignor.assign(members, counts)
    return [...assignment].map(([memberId, partitions]) => ({ memberId, assignment: writeAssignment(partitions) }))
  }

  async #hasGrown(): Promise<boolean> {
    const shared = this.#shared
    if (shared === null) return false
    const counts = await this.#hooks.counts([...shared.keys()])
    return this.#shared === shared && [...counts].some(([topic, count]) => shared.get(topic) !== count)
  }

  async #act(asked: Question, code: number): Promise<void> {
    const verdict = verdictOn(asked, code)
    if (verdict === 'give-up') throw fromKafkaCode(code, null, `group ${this.#options.group}`)
    if (verdict === 'anew') this.#reset()
    if (verdict === 'find') this.#coordinator.forget()
    this.#demand ??= 'rejoin'
    if (verdict !== 'rejoin') await pause(pauseMs)
  }

  #reset(): void {
    this.#memberId = ''
    this.#generation = -1
    this.#isMember = false
    this.#hooks.lost()
  }

  #demandOf(demand: 'rejoin' | 'anew'): void {
    if (this.#demand !== 'anew') this.#demand = demand
    this.#wake()
  }

  async #beat(): Promise<void> {
    if (!this.#isMember || this.#isBeating) return
    const generation = this.#generation
    const { group, instance_id = null } = this.#options
    this.#isBeating = true
    try {
      const request = [group, generation, this.#memberId, instance_id] as const
      const { errorCode } = await this.#coordinator.ask(this.#client, heartbeatV4.api, ...request)
      this.#misses = 0
      if (errorCode === 0 || !this.#isMember || generation !== this.#generation) return
      const verdict = verdictOn('heartbeat', errorCode)
      if (verdict === 'rejoin' || verdict === 'anew') this.#demandOf(verdict)
      else if (verdict === 'find') this.#coordinator.forget()
      else if (verdict === 'give-up') this.#hooks.failed(fromKafkaCode(errorCode, null, `group ${group}`))
    } catch (thrown) {
      if (!this.#closing && ++this.#misses >= maxMisses) this.#hooks.failed(TrestleError.from(thrown, 'E601'))
    } finally {
      this.#isBeating = false
    }
  }
}

const readMembers = (
  members: readonly { memberId: string; groupInstanceId?: string | null | undefined; metadata: Buffer }[],
): Member[] =>
  members.map(({ memberId, groupInstanceId, metadata }) => ({
    id: memberId,
    instanceId: groupInstanceId ?? null,
    ...readSubscription(metadata),
  }))

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))
const printTopics = (topics: readonly string[]): string => [...topics].sort().join(' ')
const countOf = (partitions: Partitions): number =>
  [...partitions.values()].reduce((sum, { length }) => sum + length, 0)
