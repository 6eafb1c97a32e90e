import { confluentPython } from './confluent-python.ts'
import { kafkaJars } from './kafka-jars.ts'
import { needMosquitto } from './mosquitto.ts'
import { natsServer } from './nats.ts'
import { pulsarFiles } from './pulsar-files.ts'
import { needReductStore } from './reductstore.ts'

/** The real servers that tests may need, and how each is got. */
export const services = {
  kafka: async (progress?: (line: string) => void): Promise<void> => {
    await kafkaJars(progress)
  },
  /** Confluent's client for Python. */
  confluent: async (progress?: (line: string) => void): Promise<void> => {
    await confluentPython(progress)
  },
  mosquitto: needMosquitto,
  nats: async (progress?: (line: string) => void): Promise<void> => {
    await natsServer(progress)
  },
  pulsar: async (progress?: (line: string) => void): Promise<void> => {
    await pulsarFiles(progress)
  },
  reductstore: async (progress?: (line: string) => void): Promise<void> => {
    await needReductStore(progress)
  },
} as const satisfies Record<string, (progress?: (line: string) => void) => Promise<void>>

export type Service = keyof typeof services

/** Why a service cannot be had on this machine; null when it can. */
export async function missing(service: Service, progress: (line: string) => void = () => {}): Promise<string | null> {
  try {
    await services[service](progress)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/**
 * For the `skip` of a test: false when the real server can be had, else the reason. With `CI=true` a missing server
 * is a failure, because a green run must mean that everything ran.
 *
 *     test('…', { skip: await need('kafka') }, async () => { … })
 */
export async function need(service: Service): Promise<false | string> {
  const reason = await missing(service)
  if (reason === null) return false
  if (process.env['CI'] === 'true') throw new Error(`${service} is needed and missing: ${reason}`)
  return `${service} is missing: ${reason}`
}
