import { Option } from 'commander'
import { printSafe } from '../human.ts'
import { drawTable } from '../table.ts'
import { clientFor, type HubOptions, newVerb, printJson, type VerbContext, withHub } from '../verb.ts'

/** `trestle clients`: acting for MQTT clients. */
export function verb(context: VerbContext) {
  return newVerb(
    'clients',
    'Shows what a client is subscribed to, and subscribes or unsubscribes it, with its own rights and limits.',
    'trestle clients subscriptions press-7\ntrestle clients subscribe press-7 commands/# --qos 1',
  )
    .addCommand(subscriptionsVerb(context))
    .addCommand(subscribeVerb(context))
    .addCommand(unsubscribeVerb(context))
}

const columns = [{ title: 'FILTER' }, { title: 'QOS' }, { title: 'OPTIONS' }]

const pathOf = (id: string, what: string): string => `/api/clients/${encodeURIComponent(id)}/${what}`

interface Held {
  items: { filter: string; qos: number; noLocal: boolean; retainAsPublished: boolean }[]
}

interface Answers {
  items: { filter: string; done: boolean; reason: string }[]
}

function subscriptionsVerb(context: VerbContext) {
  const command = newVerb(
    'subscriptions',
    'Lists what a client is subscribed to.',
    'trestle clients subscriptions press-7',
  )
  return withHub(command.argument('<client>', 'its client id')).action(async (id: string, options: HubOptions) => {
    const held = await clientFor(context, options).get<Held>(pathOf(id, 'subscriptions'))
    const rows = held.items.map(({ filter, qos, noLocal, retainAsPublished }) => [
      printSafe(filter),
      String(qos),
      [noLocal ? 'no local' : '', retainAsPublished ? 'retain as published' : '']
        .filter((word) => word !== '')
        .join(', '),
    ])
    const drawn = () => (rows.length === 0 ? 'no subscriptions' : drawTable(columns, rows).join('\n'))
    context.terminal.out(options.json ? printJson(held) : `${drawn()}\n`)
  })
}

function subscribeVerb(context: VerbContext) {
  const command = newVerb(
    'subscribe',
    'Subscribes a client to filters; exits 1 when one is refused.',
    'trestle clients subscribe press-7 commands/# --qos 1',
  )
    .argument('<client>', 'its client id')
    .argument('<filters...>', 'topic filters, $share/… and the like too')
    .addOption(new Option('--qos <qos>', 'the greatest QoS it is sent with').choices(['0', '1', '2']).default('0'))
  return withHub(command).action(async (id: string, filters: string[], options: HubOptions & { qos: string }) => {
    const body = { filters, qos: Number(options.qos) }
    tell(context, await clientFor(context, options).post<Answers>(pathOf(id, 'subscribe'), body), options)
  })
}

function unsubscribeVerb(context: VerbContext) {
  const command = newVerb(
    'unsubscribe',
    'Ends subscriptions of a client; exits 1 when one was not there.',
    'trestle clients unsubscribe press-7 commands/#',
  )
    .argument('<client>', 'its client id')
    .argument('<filters...>', 'as `subscriptions` shows them')
  return withHub(command).action(async (id: string, filters: string[], options: HubOptions) => {
    tell(context, await clientFor(context, options).post<Answers>(pathOf(id, 'unsubscribe'), { filters }), options)
  })
}

function tell({ terminal, setExit }: VerbContext, answers: Answers, { json }: HubOptions): void {
  const lines = answers.items.map(({ filter, reason }) => `${printSafe(filter)}  ${reason}`)
  terminal.out(json ? printJson(answers) : `${lines.join('\n')}\n`)
  if (answers.items.some(({ done }) => !done)) setExit(1)
}
