import type { MessageProperties } from '../contract/message.ts'
import type { Access } from './access/access.ts'
import type { AutoWish } from './auto-wish.ts'
import type { Delayed } from './delayed.ts'
import type { BrokerEvents } from './events.ts'
import type { Pacing } from './output/pacing.ts'
import type { Turn } from './output/turn.ts'
import type { PublishFlow } from './port.ts'
import type { Delivery } from './router/delivery.ts'
import type { Retained } from './router/retained.ts'
import type { Rewriter } from './router/rewriter.ts'
import type { Router } from './router/router.ts'
import type { Sessions } from './session/sessions.ts'
import type { SessionWorld } from './session/world.ts'

/** What the parts of one broker share. */
export interface BrokerContext extends SessionWorld {
  readonly events: BrokerEvents
  readonly access: Access
  readonly cameBack: (properties: MessageProperties | null, topic: string) => boolean
  readonly flow: PublishFlow
  readonly turn: Turn
  readonly pacing: Pacing
  readonly router: Router
  readonly delivery: Delivery
  readonly retained: Retained
  readonly sessions: Sessions
  /** null: topics of clients stay as they are. */
  readonly rewriter: Rewriter | null
  /** null: `$delayed/…` is a topic as any other. */
  readonly delayed: Delayed | null
  /** What every client is subscribed to. */
  readonly autoWishes: readonly AutoWish[]
}
