import { TrestleError } from '../../contract/error.ts'
import { printSafe, printSize } from '../human.ts'
import { paintFor } from '../paint.ts'
import type { Terminal } from '../terminal.ts'
import { clientFor, type HubOptions, newVerb, printJson, type VerbContext, wholeNumber, withHub } from '../verb.ts'

interface Options extends HubOptions {
  count?: number
}

interface LiveMessage {
  topic: string
  payloadBase64: string
  payloadText: string | null
}

/** `trestle subscribe`: live messages of a filter, one line each. */
export function verb(context: VerbContext) {
  const command = newVerb(
    'subscribe',
    'Prints live messages, one line each: topic, then payload.',
    `trestle subscribe 'plants/+/lines/#'\ntrestle subscribe '#' --json --count 10`,
  ).argument('<filter>', 'topic filter; + stands for one level, # for the rest')
  return withHub(command)
    .option('-n, --count <messages>', 'end after so many', wholeNumber(1))
    .action((filter: string, options: Options) => subscribe(context, filter, options))
}

async function subscribe(context: VerbContext, filter: string, options: Options): Promise<void> {
  const { terminal } = context
  const stopped = new AbortController()
  const ignore = terminal.onInterrupt(() => stopped.abort())
  const path = `/api/subscribe?filter=${encodeURIComponent(filter)}`
  let seen = 0
  try {
    for await (const { event, data } of clientFor(context, options).listen(path, stopped.signal)) {
      if (event === 'subscribed' && terminal.isTty) terminal.err(`subscribed to ${printSafe(filter)}\n`)
      if (event === 'too-slow' || event === 'end') throw ended(event, data)
      if (event !== 'message') continue
      printMessage(terminal, data as LiveMessage, options)
      if (++seen === options.count) return
    }
    if (!stopped.signal.aborted) throw ended('end', {})
  } catch (error) {
    // An interrupt is how this command is meant to end, also while the connection is being made.
    if (!stopped.signal.aborted) throw error
  } finally {
    stopped.abort()
    ignore()
  }
}

function printMessage(terminal: Terminal, message: LiveMessage, options: Options): void {
  if (options.json) {
    terminal.out(printJson(message, 0))
    return
  }
  const paint = paintFor(terminal.colour)
  const { topic, payloadText, payloadBase64 } = message
  const payload =
    payloadText === null
      ? paint.faint(`(${printSize(Buffer.byteLength(payloadBase64, 'base64'))}) ${payloadBase64}`)
      : printSafe(payloadText)
  terminal.out(`${paint.strong(printSafe(topic))}  ${payload}\n`)
}

function ended(event: string, data: unknown): TrestleError {
  if (event === 'too-slow') {
    return new TrestleError('E406', 'the hub cut this subscriber off, because it read too slowly', {
      detail: { advice: 'narrow the filter, or subscribe over MQTT, where messages can wait' },
    })
  }
  const reason = typeof data === 'object' && data !== null && 'reason' in data ? `: ${String(data.reason)}` : ''
  return new TrestleError('E701', `the hub ended the subscription${reason}`)
}
