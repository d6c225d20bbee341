package storetest

import "slices"

// cases returns all cases, in the order of the contract.
func cases() []testCase {
	return slices.Concat(
		readCases(),
		timeCases(),
		putCases(),
		casCases(),
		touchCases(),
		deleteCases(),
		watchCases(),
		leaseCases(),
		stateCases(),
		linearCases(),
		contextCases(),
		closeCases(),
		exclusiveCases(),
		durableCases(),
		corruptCases(),
		unavailableCases(),
	)
}
