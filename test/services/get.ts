import { missing, type Service, services } from './need.ts'

/**
 * Gets every real server the tests need, once, with a line for each; ends with the list of what cannot be had here
 * and which tests are not run for it. With `CI=true` a missing server ends in failure.
 *
 *     node --conditions=trestle-source test/services/get.ts
 */
const absent: [Service, string][] = []
for (const service of Object.keys(services) as Service[]) {
  const started = Date.now()
  const reason = await missing(service, (line) => console.log(`services: ${service}: ${line}`))
  if (reason === null) console.log(`services: ${service} is here (${((Date.now() - started) / 1000).toFixed(1)} s)`)
  else absent.push([service, reason])
}
if (absent.length > 0) {
  console.log('services: NOT RUN on this machine:')
  for (const [service, reason] of absent) console.log(`  every test against the real ${service}: ${reason}`)
  if (process.env['CI'] === 'true') process.exitCode = 1
}
