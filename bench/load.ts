/** Runs the load generator and reads its one line of JSON. */
import { execFileSync, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { needTools } from '../test/services/tools.ts'

export interface LoadResult {
  msgs_per_s: number
  cpu_us_per_msg: number
  user_us: number
  sys_us: number
  broker_cpu_s: number
  gen_cores: number
  rss_max_mb: number
  lat_us_p50: number
  lat_us_p99: number
  sent: number
  acked: number
  undelivered: number
  closed: number
}

const folder = fileURLToPath(new URL('./mqtt-load/', import.meta.url))

/** Builds the load generator; as root on a Debian machine it gets the compiler and the peer first. */
export const buildLoad = async (): Promise<void> => {
  const tools = [
    { command: 'make', packages: ['make'] },
    { command: 'cc', packages: ['build-essential'] },
    { command: 'mosquitto', packages: ['mosquitto'] },
  ]
  await needTools(tools, (line) => console.log(`bench: ${line}`))
  execFileSync('make', ['-s'], { cwd: folder, stdio: 'inherit' })
}

/** The scenarios of `mqtt-load/README.md` as options of the generator. */
export const scenarios: Readonly<Record<string, string>> = {
  a16: '--mode pair --size 16 --window 1000 --batch 16',
  a256: '--mode pair --size 256 --window 1000 --batch 16',
  a1: '--mode pair --size 64 --window 100 --batch 1',
  b: '--mode pair --pubs 10 --size 64 --window 100 --batch 4',
  c: '--mode fanin --pubs 200 --subs 1 --size 64 --window 2000 --batch 1',
  d: '--mode fanout --pubs 1 --subs 500 --size 64 --window 20 --batch 1',
  e: '--mode pair --qos 1 --size 64 --window 100 --batch 16',
  e10: '--mode pair --qos 1 --pubs 10 --size 64 --window 100 --batch 4',
  f: '--mode fanin --pubs 2000 --subs 1 --size 200 --rate 5',
  f1: '--mode fanin --pubs 2000 --subs 1 --size 200 --rate 5 --qos 1',
  l: '--mode pair --size 64 --rate 1000',
}

/** Loads a broker for `seconds`, after `warmUpSeconds` that do not count. */
export function runLoad(
  port: number,
  pid: number,
  options: string,
  seconds: number,
  warmUpSeconds = 1,
): Promise<LoadResult> {
  const broker = ['--host', '127.0.0.1', '--port', `${port}`, '--pid', `${pid}`]
  const args = [...broker, '--warm', `${warmUpSeconds}`, '--dur', `${seconds}`]
  return new Promise((resolve, reject) => {
    const child = spawn(`${folder}mqtt-load`, [...args, ...options.split(' ')], { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let complaint = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    child.stderr.on('data', (chunk) => {
      complaint += chunk
    })
    child.on('error', reject)
    child.on('exit', (code) => {
      if (code === 0) resolve(JSON.parse(output) as LoadResult)
      else reject(new Error(`mqtt-load ended with ${code}: ${complaint}`))
    })
  })
}
