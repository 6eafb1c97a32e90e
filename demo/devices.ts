/** Simulated sensors: one MQTT client per station replays its real readings, so many a second. */
import { connect, type MqttClient } from 'mqtt'
import { type Reading, readings } from './readings.ts'

export interface Devices {
  /** Readings the hub has acknowledged, and those it refused. */
  readonly acknowledged: number
  readonly refused: number
  stop(): Promise<void>
}

/** Starts the sensors against the broker at `url`; each publishes `perSecond` readings at QoS 1 and begins anew at the end. */
export async function startDevices(url: string, perSecond: number): Promise<Devices> {
  const stations = new Map<string, Reading[]>()
  for (const reading of readings()) {
    const station = reading.topic.split('/')[1]!
    const list = stations.get(station)
    if (list === undefined) stations.set(station, [reading])
    else list.push(reading)
  }
  const devices = [...stations].map(([station, list]) => new Device(url, station, list, perSecond))
  await Promise.all(devices.map((device) => device.ready))
  return {
    get acknowledged() {
      return devices.reduce((sum, device) => sum + device.acknowledged, 0)
    },
    get refused() {
      return devices.reduce((sum, device) => sum + device.refused, 0)
    },
    stop: async () => {
      await Promise.all(devices.map((device) => device.stop()))
    },
  }
}

class Device {
  acknowledged = 0
  refused = 0
  readonly ready: Promise<void>
  readonly #client: MqttClient
  readonly #timer: NodeJS.Timeout
  readonly #list: readonly Reading[]
  #next = 0

  constructor(url: string, station: string, list: readonly Reading[], perSecond: number) {
    this.#list = list
    this.#client = connect(url, { clientId: `station-${station}`, protocolVersion: 5, reconnectPeriod: 1000 })
    this.#client.on('error', (error) => console.error(`station-${station}: ${error.message}`))
    this.ready = new Promise((resolve) => this.#client.once('connect', () => resolve()))
    this.#timer = setInterval(() => this.#publish(), 1000 / perSecond)
  }

  #publish(): void {
    if (!this.#client.connected) return
    const reading = this.#list[this.#next++ % this.#list.length]!
    this.#client.publish(reading.topic, JSON.stringify(reading.payload), { qos: 1 }, (error) => {
      if (error) this.refused++
      else this.acknowledged++
    })
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#client.endAsync()
  }
}
