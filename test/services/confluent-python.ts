import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { cached } from './cache.ts'
import { findTool } from './tools.ts'

const run = promisify(execFile)

/** Pinned: Confluent's own client for Python, with its serialisers. */
const version = '2.14.0'
const wanted = `confluent-kafka[avro,json,protobuf,schemaregistry]==${version}`

/**
 * The folder that holds Confluent's client for Python, for PYTHONPATH; got from PyPI once.
 * *Errors*: one sentence that says what is missing and how to get it.
 */
export async function confluentPython(progress: (line: string) => void = () => undefined): Promise<string> {
  const python = await findTool('python3')
  if (python === null) throw new Error('python3 is not installed (on Debian: apt-get install python3 python3-pip)')
  const { stdout } = await run(python, ['-c', 'import sys; print("%d%d" % sys.version_info[:2])'])
  return cached(`confluent-kafka-python-${version}-py${stdout.trim()}`, async (folder) => {
    progress(`getting ${wanted} from PyPI`)
    const target = ['--target', folder, '--quiet', '--no-warn-script-location', '--disable-pip-version-check']
    await run(python, ['-m', 'pip', 'install', ...target, wanted], { timeout: 300_000, maxBuffer: 1 << 24 }).catch(
      (error: Error) => {
        throw new Error(`pip cannot install ${wanted}: ${error.message.split('\n').at(-2) ?? error.message}`)
      },
    )
  })
}

/** Runs a Python program with the client at hand; answers what it prints. */
export async function runPython(program: string, args: readonly string[]): Promise<string> {
  const env = { ...process.env, PYTHONPATH: await confluentPython() }
  const { stdout } = await run('python3', [program, ...args], { env, timeout: 60_000, maxBuffer: 1 << 24 })
  return stdout
}
