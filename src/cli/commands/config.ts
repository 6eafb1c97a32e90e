import { printConfigSchema, printSettings } from '../../settings/print.ts'
import { Redactor } from '../../settings/redact.ts'
import { loadSettings } from '../../settings/settings.ts'
import { ConfigRefused } from '../faults.ts'
import { newVerb, printJson, readSetting, type VerbContext } from '../verb.ts'

interface PrintOptions {
  config?: string
  set?: Record<string, string>
  json?: boolean
}

/** `trestle config`: the schema of the configuration, and the settings in effect. */
export function verb(context: VerbContext) {
  return newVerb(
    'config',
    'Prints the settings in effect, or the schema of the configuration file.',
    'trestle config print\ntrestle config schema > trestle.schema.json',
  )
    .addCommand(schemaVerb(context))
    .addCommand(printVerb(context))
}

function schemaVerb({ terminal, loadHub }: VerbContext) {
  return newVerb(
    'schema',
    'Prints the JSON Schema of the configuration file, for editors.',
    'trestle config schema > trestle.schema.json',
  )
    .option('--json', 'the schema is JSON in any case')
    .action(async () => {
      const { connectorSchemas } = await loadHub()
      terminal.out(printJson(printConfigSchema(await connectorSchemas())))
    })
}

function printVerb({ terminal, loadHub }: VerbContext) {
  return newVerb(
    'print',
    'Prints the settings in effect: file, environment and --set laid over each other, defaults filled in, secrets masked.',
    'trestle config print -c config/trestle.yaml --set api.address=127.0.0.1:9090',
  )
    .option('-c, --config <file>', 'configuration file (default: config/trestle.yaml)')
    .option('--set <path=value...>', 'override one setting; wins over environment and file', readSetting)
    .option('--json', 'print JSON instead of YAML')
    .action(async (options: PrintOptions) => {
      const { connectorSchemas } = await loadHub()
      const { effective, faults, secrets } = await loadSettings({
        file: options.config,
        flags: options.set ?? {},
        env: terminal.env,
        connectorSchemas: await connectorSchemas(),
      })
      if (effective === null) throw new ConfigRefused(faults)
      terminal.out(options.json ? printJson(new Redactor(secrets).value(effective)) : printSettings(effective, secrets))
    })
}
