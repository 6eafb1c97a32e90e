import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { need, startMosquitto } from '../../services/index.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { MqttTap } from '../../support/mqtt-tap.ts'
import { type FarSystem, type RunningSystem, type StartOptions, seenIn } from '../far-system.ts'
import { type Arrival, MqttWitness } from './mqtt-witness.ts'

/**
 * MQTT: Mosquitto that keeps sessions on disk; QoS 2 out, QoS 1 in; MQTT.js on the other side. When it is judged, a witness
 * on the wire tells what the sink has done from what Mosquitto has.
 */
export const mqtt: FarSystem = {
  name: 'mqtt',
  mayRepeat: false,
  missing: () => need('mosquitto'),
  start,
}

/** So long after a confirmation what was confirmed is saved, while it has little to save. */
const unsavedMs = 100

async function start({ isJudged = false }: StartOptions = {}): Promise<RunningSystem> {
  const server = await startMosquitto({ persistent: true })
  const witness = isJudged ? new MqttWitness() : null
  const tap = witness === null ? null : await MqttTap.create(server.port, (...told) => witness.see(...told))
  const proxy = await FaultProxy.create(tap?.port ?? server.port)
  const seen: Arrival[] = []
  const at = {
    host: '127.0.0.1',
    port: server.port,
    protocolVersion: 5,
    reconnectPeriod: 100,
    connectTimeout: 3000,
  } as const
  const reader: MqttClient = await connectAsync({
    ...at,
    clientId: 'reader',
    clean: false,
    properties: { sessionExpiryInterval: 3600 },
  })
  reader.on('message', (_topic, payload, { properties }) => {
    const id = String(properties?.userProperties?.['trestle-id'] ?? '')
    seen.push({ ...seenIn(payload.toString(), id), atMs: performance.now() })
  })
  await reader.subscribeAsync('outward/#', { qos: 2 })
  let kills = 0
  const feeder = await connectAsync({ ...at, clientId: 'feeder' })
  return {
    address: `127.0.0.1:${server.port}`,
    entry: (reads) => ({
      type: 'mqtt',
      server: `mqtt://127.0.0.1:${proxy.port}`,
      qos: 2,
      // Mosquitto saves all it has in every turn: with much in its queues a sign of life takes it seconds.
      keepalive_s: 5,
      connect_timeout_ms: 3000,
      ...(reads === null ? {} : { sources: [{ filters: [`${reads.address}/#`], publish: reads.publish }] }),
    }),
    target: (address) => `topic: "${address}/\${device}"`,
    kill() {
      kills++
      witness?.killed()
      return server.kill()
    },
    stopCleanly: () => server.end(),
    restart() {
      witness?.restarted()
      return server.restart()
    },
    drop: () => proxy.drop(),
    heal: () => proxy.heal(),
    async put(records) {
      const before = kills
      // MQTT.js sends again by itself what was not acknowledged, in its order.
      await Promise.all(records.map(({ key, value }) => feeder.publishAsync(`inward/${key}`, value, { qos: 1 })))
      if (isJudged) await sleep(unsavedMs)
      if (kills !== before) throw new Error('killed, Mosquitto may not have saved what it confirmed last')
    },
    async readAll() {
      // What is under way to the reader arrives while nothing new is sent.
      for (let before = -1; before !== seen.length; ) {
        before = seen.length
        await sleep(1500)
      }
      return witness?.judge(seen) ?? seen
    },
    async dispose() {
      await Promise.all([reader.endAsync(true), feeder.endAsync(true)])
      await server.stop()
      await proxy.close()
      await tap?.close()
    },
  }
}
