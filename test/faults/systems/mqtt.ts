import { connectAsync, type MqttClient } from 'mqtt'
import { need, startMosquitto } from '../../services/index.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import type { Seen } from '../../support/judge.ts'
import { type FarSystem, type RunningSystem, seenIn } from '../far-system.ts'

/** MQTT: Mosquitto that keeps sessions on disk; QoS 2 out, QoS 1 and 2 in; MQTT.js on the other side. */
export const mqtt: FarSystem = {
  name: 'mqtt',
  mayRepeat: false,
  missing: () => need('mosquitto'),
  start,
}

async function start(): Promise<RunningSystem> {
  const server = await startMosquitto({ persistent: true })
  const proxy = await FaultProxy.create(server.port)
  const seen: Seen[] = []
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
    seen.push(seenIn(payload.toString(), String(properties?.userProperties?.['trestle-id'] ?? '')))
  })
  await reader.subscribeAsync('outward/#', { qos: 2 })
  const feeder = await connectAsync({ ...at, clientId: 'feeder' })
  return {
    address: `127.0.0.1:${server.port}`,
    entry: (reads) => ({
      type: 'mqtt',
      server: `mqtt://127.0.0.1:${proxy.port}`,
      qos: 2,
      keepalive_s: 3,
      ...(reads === null ? {} : { sources: [{ filters: [`${reads.address}/#`], publish: reads.publish }] }),
    }),
    target: (address) => `topic: "${address}/\${device}"`,
    kill: () => server.kill(),
    stopCleanly: () => server.end(),
    restart: () => server.restart(),
    drop: () => proxy.drop(),
    heal: () => proxy.heal(),
    async put(records) {
      // MQTT.js sends again by itself what was not acknowledged, in its order: nothing is put twice from here.
      await Promise.all(records.map(({ key, value }) => feeder.publishAsync(`inward/${key}`, value, { qos: 1 })))
    },
    async readAll() {
      // What is under way to the reader arrives while nothing new is sent.
      for (let before = -1; before !== seen.length; ) {
        before = seen.length
        await new Promise((done) => setTimeout(done, 1500))
      }
      return seen
    },
    async dispose() {
      await Promise.all([reader.endAsync(true), feeder.endAsync(true)])
      await server.stop()
      await proxy.close()
    },
  }
}
