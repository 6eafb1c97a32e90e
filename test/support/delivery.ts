import type { ConnectorContext, Delivery, Message } from 'trestle/contract'

export interface Shape {
  id?: string
  target?: string | null
  key?: string | null
  orderKey?: string
  payload?: string | Uint8Array
  headers?: Delivery['headers']
  options?: Delivery['options']
  message?: Partial<Message>
}

/** Makes deliveries as the hub hands them to a sink: positions count up, ids are `<hub>-<position>-0`. */
export function deliveries(hub = 'hub'): (shape?: Shape) => Delivery {
  let position = 0
  return (shape = {}) => {
    position++
    const payload =
      typeof shape.payload === 'string' ? Buffer.from(shape.payload) : (shape.payload ?? Buffer.from('{}'))
    const message: Message = {
      topic: 'plants/oslo/1',
      payload,
      qos: 1,
      retain: false,
      properties: null,
      client: 'device-1',
      username: null,
      source: null,
      timeMs: 1_700_000_000_000 + position,
      ...shape.message,
    }
    return {
      sink: 'lake',
      rule: 'rule',
      target: shape.target ?? null,
      key: shape.key ?? null,
      orderKey: shape.orderKey ?? `${message.client}/${message.topic}`,
      headers: shape.headers ?? [],
      payload,
      options: shape.options ?? null,
      id: shape.id ?? `${hub}-${position}-0`,
      position,
      index: 0,
      attempt: 1,
      message,
    }
  }
}

/** A connector's context whose log lines are kept. */
export function connectorContext(folder: string): ConnectorContext & { lines: { event: string; facts: unknown }[] } {
  const lines: { event: string; facts: unknown }[] = []
  return {
    name: 'lake',
    hub: 'hub',
    folder,
    lines,
    log: (_level, event, facts) => lines.push({ event, facts }),
    now: () => Date.now(),
  }
}
