import type { Delivery } from 'trestle/contract'
import { deliveries, type Shape } from '../../support/delivery.ts'

const make = deliveries()

/** The delivery of a position: the same whenever it is made. Ten keys in turn. */
export function deliveryAt(position: number, shape: Shape = {}): Delivery {
  const key = `key-${position % 10}`
  const id = `hub-${position}-0`
  const message = { timeMs: 1_700_000_000_000 + position }
  return { ...make({ payload: `{"n":${position}}`, key, orderKey: key, message, ...shape }), id, position }
}
