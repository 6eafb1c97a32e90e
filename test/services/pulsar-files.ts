import { execFile } from 'node:child_process'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cached } from './cache.ts'
import { needTools } from './tools.ts'

const run = promisify(execFile)
const version = '4.0.8'

/** The folder with Pulsar's `lib` and `conf`, fetched by Maven and unpacked once. *Errors*: what is missing and how to get it. */
export async function pulsarFiles(progress: (line: string) => void = () => {}): Promise<string> {
  await needTools([{ command: 'java', packages: ['openjdk-17-jre-headless', 'default-jre-headless'] }], progress)
  return cached(`pulsar-${version}`, async (folder) => {
    await needTools([{ command: 'mvn', packages: ['maven'] }], progress)
    progress(`fetching Pulsar ${version} (245 MB)`)
    const artifact = `org.apache.pulsar:pulsar-server-distribution:${version}:tar.gz:bin`
    const args = ['-q', '-B', 'dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`]
    await run('mvn', args, { maxBuffer: 1 << 26 })
    const packed = (await readdir(folder)).find((name) => name.endsWith('.tar.gz'))
    if (packed === undefined) throw new Error(`Maven copied no ${artifact}`)
    const top = `apache-pulsar-${version}`
    await run('tar', ['-xzf', packed, '--strip-components=1', `${top}/lib`, `${top}/conf`], { cwd: folder })
    await rm(join(folder, packed))
  })
}
