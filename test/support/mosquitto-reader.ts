/** What `mosquitto_sub` sees: eyes that share no code with us. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { waitFor } from '../services/process.ts'
import { findTool } from '../services/tools.ts'

/** One message as `mosquitto_sub -F %j` prints it. */
export interface SeenMessage {
  topic: string
  payload: string
  qos: number
  retain: number
  mid?: number
  properties?: {
    'user-properties'?: Record<string, string>
    'content-type'?: string
    'response-topic'?: string
    'correlation-data'?: string
    'message-expiry-interval'?: number
    'payload-format-indicator'?: number
  }
}

/** None of them outlives this process. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export class MosquittoReader {
  readonly messages: SeenMessage[] = []
  readonly #child: ChildProcess
  #text = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stdout!.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString()
      const lines = this.#text.split('\n')
      this.#text = lines.pop()!
      for (const line of lines) if (line.startsWith('{')) this.messages.push(JSON.parse(line) as SeenMessage)
    })
  }

  /** Subscribes; resolves when the server has granted it. `more` are further arguments of mosquitto_sub. */
  static async open(port: number, filter: string, ...more: string[]): Promise<MosquittoReader> {
    const args = ['-h', '127.0.0.1', '-p', String(port), '-t', filter, '-q', '2', '-V', 'mqttv5', '-d', '-F', '%j']
    // With its own 20 it ends when a server that was told of no limit sends more at once.
    args.push('-D', 'connect', 'receive-maximum', '65535')
    // Its output is a pipe, which it would fill before it writes.
    const child = spawn('stdbuf', ['-oL', (await findTool('mosquitto_sub'))!, ...args, ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    running.add(child)
    child.once('exit', () => running.delete(child))
    const reader = new MosquittoReader(child)
    let said = ''
    child.stdout!.on('data', (chunk: Buffer) => {
      if (said.length < 4096) said += chunk.toString()
    })
    await waitFor('mosquitto_sub to be subscribed', 10_000, () => said.includes('Subscribed'))
    return reader
  }

  async until(count: number, timeoutMs = 20_000): Promise<SeenMessage[]> {
    await waitFor(`${count} messages (${this.messages.length} came)`, timeoutMs, () => this.messages.length >= count)
    return this.messages
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
  }
}
