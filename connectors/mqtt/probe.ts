import {
  type ConnectorContext,
  type ProbeStep,
  type ProbeTry,
  reachPort,
  resolveName,
  type TrestleError,
  walkProbe,
} from 'trestle/contract'
import { Connection } from './connection.ts'
import { openTransport } from './dial.ts'
import { fromReason, fromThrown, silent } from './errors.ts'
import { clientIdOf, connectPacket } from './login.ts'
import type { MqttOptions } from './options.ts'
import { type Address, addressOf } from './transport.ts'
import { Kind } from './wire/packets.ts'
import { publishByte } from './wire/publish.ts'

/**
 * Walks the path to the server: name, port, TLS or WebSocket, login, then a real message below `probe_topic` that is
 * subscribed to, published with QoS 1 and waited for. Stops at the first step that fails.
 */
export async function probeMqtt(options: MqttOptions, context: ConnectorContext): Promise<readonly ProbeStep[]> {
  const address = addressOf(options.server)
  const { host, port, place } = address
  const walk = new Walk(options, context, address)
  const steps: ProbeTry[] = [
    ['name', () => resolveName(host)],
    ['port', () => reachPort(host, port, options.connect_timeout_ms)],
  ]
  if (address.secure || address.webSocket) steps.push([address.secure ? 'tls' : 'websocket', () => walk.transport()])
  steps.push(['login', () => walk.login()])
  steps.push(['subscribe', () => walk.subscribe()])
  steps.push(['publish', () => walk.publish()])
  steps.push(['receive', () => walk.receive()])
  const done = await walkProbe(steps, context.now, (thrown) => fromThrown(thrown, place))
  walk.end()
  return done
}

/** The steps that need a connection. */
class Walk {
  readonly #options: MqttOptions
  readonly #address: Address
  readonly #topic: string
  readonly #connection: Connection
  readonly #came = new Map<string, () => void>()
  readonly #had = new Map<string, TrestleError | null>()

  constructor(options: MqttOptions, context: ConnectorContext, address: Address) {
    this.#options = options
    this.#address = address
    this.#topic = `${options.probe_topic}/${context.hub}/${context.name}`
    const clientId = clientIdOf(options, context, 'probe')
    const packet = connectPacket({ ...options, session_expiry_s: 0 }, clientId, true, undefined, 0, 0)
    this.#connection = new Connection(options, address, packet, {
      onWelcome: () => {},
      onPublish: () => this.#note('message', null),
      onAnswer: (kind, { code, reason }) => {
        if (kind === Kind.Puback) this.#note('puback', code >= 0x80 ? fromReason(code, reason, this.#topic) : null)
      },
      onTurn: () => {},
      onLost: (error) => {
        for (const what of ['puback', 'message']) this.#note(what, error)
      },
    })
  }

  async transport(): Promise<string> {
    const transport = await openTransport(this.#options, this.#address, this.#options.connect_timeout_ms)
    transport.destroy()
    const { secure, webSocket, path, place } = this.#address
    return `${place} speaks ${secure ? 'TLS' : 'plain'}${webSocket ? ` and WebSocket at ${path}` : ''}`
  }

  async login(): Promise<string> {
    const { maxQos, retainAvailable, receiveMaximum } = await this.#connection.open()
    const { username, version } = this.#options
    const can = `QoS up to ${maxQos}, ${retainAvailable ? '' : 'no '}retained messages, ${receiveMaximum} in flight`
    return `MQTT ${version} ${username === undefined ? 'without login' : `as ${username}`}; ${can}`
  }

  async subscribe(): Promise<string> {
    const options = { qos: 1, noLocal: false, retainAsPublished: false, retainHandling: 2 } as const
    await this.#connection.subscribe([{ filter: this.#topic, ...options }])
    return `may read ${this.#topic}`
  }

  async publish(): Promise<string> {
    const { out } = this.#connection
    const payload = Buffer.from('{"probe":true}')
    out.begin(publishByte(1, false, false), this.#topic.length + 20)
    out.text(this.#topic)
    out.uint16(1)
    if (this.#options.version === '5') out.uint8(0)
    out.bytes(payload)
    out.end()
    this.#connection.flush()
    await this.#wait('puback', 'no PUBACK')
    return `may write ${this.#topic}`
  }

  async receive(): Promise<string> {
    await this.#wait('message', 'the message did not come back')
    return 'the message came back'
  }

  end(): void {
    this.#connection.close()
  }

  #note(what: string, error: TrestleError | null): void {
    if (!this.#had.has(what)) this.#had.set(what, error)
    this.#came.get(what)?.()
  }

  async #wait(what: string, words: string): Promise<void> {
    const { ack_timeout_ms: timeoutMs } = this.#options
    if (!this.#had.has(what)) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((settle) => {
        this.#came.set(what, settle)
        timer = setTimeout(settle, timeoutMs)
      })
      clearTimeout(timer)
    }
    const error = this.#had.get(what)
    if (error === undefined) throw silent(this.#address.place, words, timeoutMs)
    if (error !== null) throw error
  }
}
