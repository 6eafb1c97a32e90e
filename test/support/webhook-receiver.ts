/**
 * A webhook receiver of the tests, in a process of its own so that it can be killed: each request is appended to a file,
 * as one JSON line with its key, before it is answered.
 *
 *     node webhook-receiver.ts PORT FILE
 */
import { appendFileSync } from 'node:fs'
import { createServer } from 'node:http'

const [port, file] = process.argv.slice(2) as [string, string]
createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const id = request.headers['idempotency-key']
    appendFileSync(file, `${JSON.stringify({ id, url: request.url, payload: Buffer.concat(chunks).toString() })}\n`)
    response.writeHead(204).end()
  })
}).listen(Number(port), '127.0.0.1', () => console.log('ready'))
