import { newVerb, printJson, readSetting, type VerbContext } from '../verb.ts'

interface Options {
  config?: string
  set?: Record<string, string>
  json?: boolean
}

/** `trestle start`: runs the hub until a signal ends it. */
export function verb(context: VerbContext) {
  return newVerb(
    'start',
    'Runs the hub until it is told to stop (Ctrl-C, SIGTERM); SIGHUP loads its rules and schemas anew.',
    'trestle start\ntrestle start -c config/trestle.yaml --set api.address=127.0.0.1:9090',
  )
    .option('-c, --config <file>', 'configuration file (default: config/trestle.yaml)')
    .option('--set <path=value...>', 'override one setting; wins over environment and file', readSetting)
    .option('--json', 'print the summary as JSON')
    .action((options: Options) => start(context, options))
}

async function start({ terminal, loadHub }: VerbContext, options: Options): Promise<void> {
  const { startHub } = await loadHub()
  const hub = await startHub({
    ...(options.config === undefined ? {} : { configFile: options.config }),
    flags: options.set ?? {},
    env: terminal.env,
  })
  if (options.json) terminal.out(printJson({ started: true, summary: hub.summary }, 0))
  else terminal.out([...hub.summary, '', ...nextSteps].map((line) => `${line}\n`).join(''))

  // What is wrong with the files is in the log; the hub goes on as it was.
  terminal.onHangup(() => hub.reload().then(ignore, ignore))
  await new Promise<void>((resolve) => {
    let stopping = false
    terminal.onInterrupt(() => {
      // 130: the shells' code for a process that an interrupt ended.
      if (stopping) return terminal.exitNow(130)
      stopping = true
      terminal.err('stopping: what is stored stays stored (again to exit at once)\n')
      hub.stop().then(resolve, (error) => {
        terminal.err(`E999  ${String(error)}\n`)
        terminal.exitNow(70)
      })
    })
  })
}

const ignore = (): void => undefined

const nextSteps = [
  'Try:',
  `  trestle subscribe '#'`,
  `  trestle publish greetings/hello '{"text": "hi"}'`,
  '  trestle status --watch',
]
