import { setTimeout as sleep } from 'node:timers/promises'
import { codes } from '../../contract/codes.ts'
import { TrestleError } from '../../contract/error.ts'
import {
  type ConnectorReport,
  connectorIsFine,
  type HubReport,
  hubIsFine,
  ledgerBalances,
} from '../../telemetry/report.ts'
import type { HubClient } from '../client.ts'
import { printSafe } from '../human.ts'
import { paintFor } from '../paint.ts'
import { Screen } from '../screen.ts'
import { drawConnector, drawRules, drawStatus } from '../status-table.ts'
import { clientFor, type HubOptions, newVerb, printJson, type VerbContext, wholeNumber, withHub } from '../verb.ts'

interface Options extends HubOptions {
  watch?: boolean
  interval: number
  rules?: boolean
}

/** `trestle status`: the connectors and the ledger; exit 1 when one is down or the ledger does not balance. */
export function verb(context: VerbContext) {
  const command = newVerb(
    'status',
    'Shows what each connector is doing and whether the ledger balances; exits 1 when it should be looked at.',
    'trestle status\ntrestle status lake --json\ntrestle status --watch',
  )
  return withHub(command.argument('[connector]', 'one connector, with all that is known of it'))
    .option('--rules', 'show the ledger of each rule instead')
    .option('-w, --watch', 'show it again and again, until Ctrl-C')
    .option('--interval <seconds>', 'time between two looks', wholeNumber(1, 3600), 1)
    .action((connector: string | undefined, options: Options) =>
      options.watch ? watch(context, connector, options) : look(context, connector, options),
    )
}

async function look(context: VerbContext, name: string | undefined, options: Options): Promise<void> {
  const view = await readView(clientFor(context, options), name)
  context.terminal.out(options.json ? printJson(view.raw) : `${draw(context, view, options).join('\n')}\n`)
  if (!view.fine) context.setExit(codes.E705.exit)
}

async function watch(context: VerbContext, name: string | undefined, options: Options): Promise<void> {
  const { terminal } = context
  const client = clientFor(context, options)
  const screen = new Screen(terminal)
  const stopped = new AbortController()
  const ignore = terminal.onInterrupt(() => stopped.abort())
  while (!stopped.signal.aborted) {
    try {
      const view = await readView(client, name)
      if (options.json) terminal.out(printJson(view.raw, 0))
      else screen.show(draw(context, view, options))
      context.setExit(view.fine ? 0 : codes.E705.exit)
    } catch (thrown) {
      const error = TrestleError.from(thrown)
      // A hub that is restarted comes back under the eyes of whoever watches it; other errors will not go away.
      if (error.code !== 'E701') throw error
      if (options.json) terminal.err(`${JSON.stringify(error)}\n`)
      else screen.show([`${error.code}  ${printSafe(error.message)}; trying again`])
      context.setExit(codes.E701.exit)
    }
    await sleep(options.interval * 1000, undefined, { signal: stopped.signal }).catch((thrown) => {
      if (!stopped.signal.aborted) throw thrown
    })
  }
  ignore()
}

interface View {
  raw: HubReport | ConnectorReport
  report: HubReport
  connector: ConnectorReport | null
  fine: boolean
}

async function readView(client: HubClient, name: string | undefined): Promise<View> {
  const report = await client.get<HubReport>('/api/status')
  if (name === undefined) return { raw: report, report, connector: null, fine: hubIsFine(report) }
  const connector = report.connectors.find((each) => each.name === name)
  if (connector === undefined) {
    throw new TrestleError('E702', `there is no connector '${name}'`, {
      detail: { advice: `there are: ${report.connectors.map((each) => each.name).join(', ') || 'none'}` },
    })
  }
  const fine = connectorIsFine(connector) && ledgerBalances(connector.ledger)
  return { raw: connector, report, connector, fine }
}

function draw({ terminal }: VerbContext, { report, connector }: View, options: Options): string[] {
  const paint = paintFor(terminal.colour)
  if (options.rules) return drawRules(report, paint)
  return connector === null ? drawStatus(report, paint) : drawConnector(connector, report.nowMs, paint)
}
