import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type IClientPublishOptions, type MqttClient } from 'mqtt'

/** A message as the device got it. */
export interface Got {
  readonly topic: string
  readonly payload: string
  readonly qos: number
  readonly retain: boolean
  readonly user: Readonly<Record<string, string | string[]>>
}

/** A device at a hub or another server: MQTT.js, which shares no code with either. */
export class Device {
  readonly got: Got[] = []
  readonly #client: MqttClient

  private constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (topic, payload, { qos, retain, properties }) => {
      const user = { ...properties?.userProperties }
      this.got.push({ topic, payload: payload.toString(), qos, retain, user })
    })
  }

  static async connect(port: number, ...filters: string[]): Promise<Device> {
    const client = await connectAsync({ host: '127.0.0.1', port, protocolVersion: 5, connectTimeout: 20_000 })
    const device = new Device(client)
    try {
      if (filters.length > 0) await client.subscribeAsync(filters, { qos: 2 })
    } catch (thrown) {
      // Nobody else has it to close it.
      await device.close()
      throw thrown
    }
    return device
  }

  /** Resolves when it is acknowledged. */
  async publish(topic: string, payload: unknown, options: IClientPublishOptions = {}): Promise<void> {
    await this.#client.publishAsync(topic, JSON.stringify(payload), { qos: 1, ...options })
  }

  /** The first message of a topic, waited for. */
  async first(topic: string): Promise<Got> {
    const untilMs = Date.now() + 60_000
    for (;;) {
      const found = this.got.find((one) => one.topic === topic)
      if (found !== undefined) return found
      if (Date.now() > untilMs) throw new Error(`nothing came to ${topic}, but: ${JSON.stringify(this.got)}`)
      await sleep(50)
    }
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true)
  }
}
