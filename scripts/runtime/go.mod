module pullproof-runc

go 1.21
