/** The least that still fails: fewer faults, then fewer steps. */
import { faultNames } from './faults.ts'
import { SimulationFailed, type SimulationOptions, simulate } from './simulation.ts'

const STEPS_MIN = 200

/** The last failure found; each try costs a run. */
export async function shrink(failed: SimulationFailed): Promise<SimulationFailed> {
  let least = failed
  const fails = async (options: SimulationOptions): Promise<boolean> => {
    try {
      await simulate(options)
      return false
    } catch (error) {
      if (!(error instanceof SimulationFailed)) throw error
      least = error
      return true
    }
  }
  for (const name of faultNames) {
    const { without = [] } = least.options
    if (!without.includes(name)) await fails({ ...least.options, without: [...without, name] })
  }
  while (least.options.steps > STEPS_MIN) {
    const half = Math.floor(least.options.steps / 2)
    if (!(await fails({ ...least.options, steps: half }))) break
  }
  return least
}
