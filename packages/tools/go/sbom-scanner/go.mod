module sbom-scanner

go 1.26.0
