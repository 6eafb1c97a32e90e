import type { Subscription as Wish } from './codec/packets/subscribe.ts'
import { readTemplate, type TemplatePart } from './router/topic-template.ts'

/** A subscription that every client gets when it connects, without asking. */
export interface AutoWish {
  readonly parts: readonly TemplatePart[]
  readonly wish: Wish
}

/** In `filter`, `%c` stands for the client id and `%u` for the user name; who has none does not get that one. */
export const prepareWish = (wish: Wish): AutoWish => ({ parts: readTemplate(wish.filter), wish })
