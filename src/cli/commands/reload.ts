import { printPlural, printSafe } from '../human.ts'
import { clientFor, type HubOptions, newVerb, printJson, type VerbContext, withHub } from '../verb.ts'

interface Reloaded {
  rules: number
  added: string[]
  changed: string[]
  removed: string[]
}

/** `trestle reload`: rules and schemas anew, all or nothing. */
export function verb(context: VerbContext) {
  const command = newVerb(
    'reload',
    'Loads rules and schemas anew from their folders, all or nothing: with any fault the hub goes on as it was.',
    'trestle reload\ntrestle check && trestle reload',
  )
  return withHub(command).action(async (options: HubOptions) => {
    const told = await clientFor(context, options).post<Reloaded>('/api/reload', {})
    context.terminal.out(options.json ? printJson(told) : `${draw(told).join('\n')}\n`)
  })
}

function draw({ rules, ...changes }: Reloaded): string[] {
  const lines = Object.entries(changes)
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `  ${what.padEnd(8)} ${names.map(printSafe).join(', ')}`)
  return [`${printPlural(rules, 'rule')} loaded${lines.length === 0 ? ', the same as before' : ''}`, ...lines]
}
