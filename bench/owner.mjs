export const owner = { label: 'flotsam.bench', value: 'bench' }
export const ownerLabels = { [owner.label]: owner.value }
/** The filter for the `docker` command. */
export const ownerFilter = `label=${owner.label}=${owner.value}`
