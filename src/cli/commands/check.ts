import { printFaults } from '../faults.ts'
import { newVerb, printJson, type VerbContext } from '../verb.ts'

/** `trestle check`: every fault of config, rules and schemas at once; exit 1 when there is one. */
export function verb(context: VerbContext) {
  return newVerb(
    'check',
    'Finds every fault in configuration, rules and schemas, without starting anything.',
    'trestle check\ntrestle check -c config/trestle.yaml --json',
  )
    .option('-c, --config <file>', 'configuration file (default: config/trestle.yaml)')
    .option('--json', 'print the faults as JSON')
    .action(async (options: { config?: string; json?: boolean }) => {
      const { terminal, loadHub, setExit } = context
      const { checkAll } = await loadHub()
      const faults = await checkAll(options.config === undefined ? {} : { configFile: options.config })
      if (options.json) terminal.out(printJson({ faults }))
      else terminal.out(faults.length === 0 ? 'No faults.\n' : `${printFaults(faults).join('\n')}\n`)
      if (faults.length > 0) setExit(1)
    })
}
